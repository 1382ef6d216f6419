#include "actors/listener.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <caf/all.hpp>
#include <system_error>

#include "actors/client_handler.hpp"
#include "net/socket_address.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Clients accepted before others on this reactor get their turn.
constexpr int accepts_per_turn = 64;
/// A paused listener looks again this often.
constexpr auto pause_time = 100ms;
/// At most so many newcomers have to go at once, and this is how long they may take.
constexpr std::size_t most_freed = 64;
constexpr auto freeing_time = 5ms;
/// And says so at most this often.
constexpr auto warning_interval = 10s;

bool somebody_waits(int listening) noexcept {
  pollfd at{.fd = listening, .events = POLLIN, .revents = 0};
  return ::poll(&at, 1, 0) > 0;
}

/// False if there is none.
bool crowd_out(open_port& from) {
  const auto victim = from.newcomers.choose();
  if (victim) caf::anon_send(victim->handler, crowded_out{});
  return victim.has_value();
}

}  // namespace

listener::listener(caf::actor_config& cfg, net::reactor& home, environment& env, open_port& port)
    : pinned_actor{cfg, home}, env_{&env}, port_{&port}, resume_timer_{*this} {}

caf::behavior listener::start() {
  home().watch(fd(), *this, EPOLLIN);
  watching_ = true;
  return {[](const caf::unit_t&) {}};
}

void listener::stopped() {
  if (watching_) home().unwatch(fd(), *this);
  watching_ = false;
  resume_timer_.cancel();
}

void listener::on_io(std::uint32_t) {
  run_as_handler([this] { accept_some(); });
}

void listener::on_due(net::timer&) {
  home().watch(fd(), *this, EPOLLIN);
  watching_ = true;
  accept_some();
}

void listener::accept_some() {
  for (int i = 0; i < accepts_per_turn && watching_ && accept_one(); ++i) {
  }
}

bool listener::is_full() const noexcept {
  const auto places = env_->settings.max_connections;
  return port_->connections >= places || port_->newcomers.size() >= newcomer_places(places);
}

bool listener::accept_one() {
  if (is_full()) {
    // If nobody does, the socket says when somebody comes.
    if (somebody_waits(fd())) make_room({&port_, 1}, "max_connections is reached");
    return false;
  }
  if (env_->memory.pressure() != memory_pressure::none) {
    pause("memory_budget_mb is nearly used up");
    return false;
  }
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  net::unique_fd client{
      ::accept4(fd(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (client) {
    net::spawn_pinned<client_handler>(home(), std::ref(*env_), std::ref(*port_),
                                      accepted_client{.fd = std::move(client),
                                                      .peer = net::to_endpoint(address),
                                                      .slot = connection_slot{*port_}});
    return true;
  }
  switch (errno) {
    case EAGAIN:
      to_free_ = 1;
      return false;
    // A client that left before it was accepted is no reason to stop.
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
      return true;
    case EMFILE:
    case ENFILE: {
      std::vector<open_port*> all;
      for (const auto& port : env_->ports)
        all.push_back(port.get());
      make_room(all, std::generic_category().message(errno).c_str());
      return false;
    }
    default:
      // Out of memory, mostly: the socket stays readable.
      pause(std::generic_category().message(errno).c_str());
      return false;
  }
}

/// Those that have to go free their places when their reactors come to it. More go each time until
/// nobody waits any more.
void listener::make_room(std::span<open_port* const> ports, const char* why) {
  std::size_t freed = 0;
  for (auto* const port : ports)
    while (freed < to_free_ && crowd_out(*port))
      ++freed;
  if (freed == 0) return pause(why);
  to_free_ = std::min(2 * to_free_, most_freed);
  stop_watching(freeing_time);
}

void listener::pause(const char* why) {
  port_->metrics.accept_paused.add();
  if (home().now() >= quiet_until_) {
    spdlog::warn("{}: accepting pauses: {} ({} clients)", port_->settings.name, why,
                 port_->connections.load());
    quiet_until_ = home().now() + warning_interval;
  }
  stop_watching(pause_time);
}

void listener::stop_watching(net::steady_clock::duration time) {
  home().unwatch(fd(), *this);
  watching_ = false;
  resume_timer_.arm(home().timers(), time);
}

}  // namespace mtp::actors
