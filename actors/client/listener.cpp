#include "actors/client/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <caf/all.hpp>
#include <system_error>

#include "actors/client/admission.hpp"
#include "actors/client/client_conn.hpp"
#include "net/loop/socket_address.hpp"

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
/// When descriptors have run out, others want some, too: Telegram's connections, metrics, console.
constexpr std::size_t spare_descriptors = 8;
/// And says so at most this often.
constexpr auto warning_interval = 10s;

bool somebody_waits(int listening) noexcept {
  pollfd at{.fd = listening, .events = POLLIN, .revents = 0};
  return ::poll(&at, 1, 0) > 0;
}

/// Connections that wait to be accepted, of which there is one. Not every kernel counts them.
std::size_t count_waiting(int listening) noexcept {
  tcp_info about{};
  socklen_t size = sizeof about;
  const bool told = ::getsockopt(listening, IPPROTO_TCP, TCP_INFO, &about, &size) == 0;
  return told ? std::max<std::size_t>(about.tcpi_unacked, 1) : 1;
}

/// False if nobody has to go.
bool crowd_out(open_port& from, newcomers::time_point now, bool is_one_more) {
  const auto victim = from.newcomers.choose(now, is_one_more);
  if (victim) caf::anon_send(victim->handler, crowded_out{});
  return victim.has_value();
}

}  // namespace

listener::listener(caf::actor_config& cfg, net::reactor& home, client_side& side, served_port port)
    : pinned_actor{cfg, home}, side_{&side}, served_{std::move(port)}, resume_timer_{*this} {}

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
  return !has_place(served_.port->connections, served_.port->newcomers.size(),
                    settings().max_connections);
}

bool listener::accept_one() {
  if (is_full()) {
    make_room(*served_.port, 0, "max_connections is reached");
    return false;
  }
  if (side_->core.memory.pressure() != memory_pressure::none) {
    pause("memory_budget_mb is nearly used up");
    return false;
  }
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  net::unique_fd client{
      ::accept4(fd(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (client) {
    const auto peer = net::to_endpoint(address);
    net::spawn_pinned<client_conn>(
        home(), std::ref(*side_), served_.port,
        accepted_client{.fd = std::move(client),
                        .peer = peer,
                        .taken = ticket{served_.port->connections},
                        .place = served_.port->newcomers.join(peer.ip, home().now())});
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    // A client that left before it was accepted is no reason to stop.
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
      return true;
    case EMFILE:
    case ENFILE: {
      const auto ports = side_->ports.get();
      const auto crowded = std::ranges::max_element(*ports, {}, [](const served_port& served) {
        return std::pair{served.port->newcomers.largest_crowd(), served.port->newcomers.size()};
      });
      auto& from = crowded != ports->end() ? *crowded->port : *served_.port;
      make_room(from, spare_descriptors, std::generic_category().message(errno).c_str());
      return false;
    }
    default:
      // Out of memory, mostly: the socket stays readable.
      pause(std::generic_category().message(errno).c_str());
      return false;
  }
}

/// Those that have to go free their places when their reactors come to it.
void listener::make_room(open_port& from, std::size_t spare, const char* why) {
  // If nobody does, the socket says when somebody comes.
  if (!somebody_waits(fd())) return;
  // Those that leave do so on other threads: what is counted now must do.
  auto leaving = from.newcomers.leaving();
  const auto wanted = std::min(count_waiting(fd()) + spare, most_freed);
  while (leaving < wanted && crowd_out(from, home().now(), leaving > 0))
    ++leaving;
  if (leaving == 0) return pause(why);
  stop_watching(freeing_time);
}

void listener::pause(const char* why) {
  served_.port->metrics.accept_paused.add();
  if (home().now() >= quiet_until_) {
    spdlog::warn("{}: accepting pauses: {} ({} clients)", served_.port->name, why,
                 served_.port->connections.load());
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
