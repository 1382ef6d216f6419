#include "actors/listener.hpp"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

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
/// And says so at most this often.
constexpr auto warning_interval = 10s;

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

bool listener::accept_one() {
  if (port_->connections >= env_->settings.max_connections) {
    pause("max_connections is reached");
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
      return false;
    // A client that left before it was accepted is no reason to stop.
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
      return true;
    default:
      // Out of descriptors or memory, mostly: the socket stays readable.
      pause(std::generic_category().message(errno).c_str());
      return false;
  }
}

void listener::pause(const char* why) {
  port_->metrics.accept_paused.add();
  if (home().now() >= quiet_until_) {
    spdlog::warn("{}: accepting pauses: {} ({} clients)", port_->settings.name, why,
                 port_->connections.load());
    quiet_until_ = home().now() + warning_interval;
  }
  home().unwatch(fd(), *this);
  watching_ = false;
  resume_timer_.arm(home().timers(), pause_time);
}

}  // namespace mtp::actors
