#include "actors/client/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <caf/all.hpp>
#include <cerrno>
#include <system_error>

#include "actors/client/admission.hpp"
#include "actors/client/client_conn.hpp"
#include "net/loop/free_descriptors.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// At most so many newcomers have to go at once, and this is how long they may take.
constexpr std::size_t most_freed = 64;
constexpr auto freeing_time = 5ms;
/// Clients leave so many descriptors free, for connections to Telegram, metrics and the console.
constexpr std::size_t spare_descriptors = 8;

bool is_readable(int listening) noexcept {
  pollfd at{.fd = listening, .events = POLLIN, .revents = 0};
  return ::poll(&at, 1, 0) > 0;
}

/// Connections that wait to be accepted. Not every kernel counts them.
std::size_t count_waiting(int listening) noexcept {
  if (!is_readable(listening)) return 0;
  tcp_info about{};
  socklen_t size = sizeof about;
  const bool told = ::getsockopt(listening, IPPROTO_TCP, TCP_INFO, &about, &size) == 0;
  return told ? std::max<std::size_t>(about.tcpi_unacked, 1) : 1;
}

/// Evicts a newcomer; false if there is none to evict.
bool crowd_out(open_port& from, newcomers::time_point now, bool is_one_more) {
  const auto victim = from.newcomers.choose(now, is_one_more);
  if (victim) caf::anon_send(victim->client, crowded_out{});
  return victim.has_value();
}

}  // namespace

listener::listener(caf::actor_config& cfg, net::reactor& home, client_side& side, served_port port)
    : pinned_actor{cfg, home}, side_{&side}, served_{std::move(port)}, loop_{*this, *this} {}

caf::behavior listener::start() {
  loop_.start(fd());
  return {[](const caf::unit_t&) {}};
}

void listener::stopped() {
  loop_.stop();
}

bool listener::is_full() const noexcept {
  return !has_place(served_.port->connections, served_.port->newcomers.size(),
                    settings().max_connections);
}

bool listener::can_accept() {
  if (is_full()) {
    make_room(*served_.port, 0, "max_connections is reached");
    return false;
  }
  constexpr auto needed = spare_descriptors + 1;
  if (const auto left = net::free_descriptors(needed, fd()); left < needed) {
    make_descriptors(spare_descriptors - std::min(left, spare_descriptors), EMFILE);
    return false;
  }
  if (side_->core.memory.pressure() != memory_pressure::none) {
    pause("memory_budget_mb is nearly used up");
    return false;
  }
  return true;
}

void listener::on_accepted(net::unique_fd fd, const endpoint& address) {
  // Until the header of the PROXY protocol it is this machine's.
  const auto peer = served_.sockets->unix() == nullptr
                        ? address
                        : endpoint{.ip = ip_address::v4({127, 0, 0, 1}), .port = 0};
  net::spawn_pinned<client_conn>(
      home(), std::ref(*side_), served_.port,
      accepted_client{.fd = std::move(fd),
                      .peer = peer,
                      .taken = ticket{served_.port->connections},
                      .place = served_.port->newcomers.join(peer.ip, home().now())});
}

void listener::on_exhausted(int error) {
  if (error == EMFILE || error == ENFILE) return make_descriptors(spare_descriptors, error);
  pause(std::generic_category().message(error));
}

/// Of the port with most newcomers, whichever port needs them.
void listener::make_descriptors(std::size_t spare, int error) {
  const auto ports = side_->ports.get();
  const auto crowded = std::ranges::max_element(*ports, {}, [](const served_port& served) {
    return std::pair{served.port->newcomers.largest_crowd(), served.port->newcomers.size()};
  });
  auto& from = crowded != ports->end() ? *crowded->port : *served_.port;
  make_room(from, spare, std::generic_category().message(error));
}

/// Evicted newcomers free their places when their reactors come to it.
void listener::make_room(open_port& from, std::size_t spare, const std::string& why) {
  const auto waiting = count_waiting(fd());
  const auto wanted = std::min(waiting + spare, most_freed);
  // There is no hurry: the socket tells of the next one.
  if (wanted == 0) return;
  // Evicted newcomers leave on other threads, so the count may be outdated already.
  auto leaving = from.newcomers.leaving();
  while (leaving < wanted && crowd_out(from, home().now(), leaving > 0))
    ++leaving;
  if (leaving > 0)
    loop_.rest(freeing_time);
  else if (waiting > 0)
    pause(why);
}

void listener::pause(const std::string& why) {
  served_.port->metrics.accept_paused.add();
  if (const auto left_out = loop_.pause())
    spdlog::warn("{}: accepting pauses: {} ({} clients){}", served_.port->name, why,
                 served_.port->connections.load(), net::describe_left_out(*left_out));
}

}  // namespace mtp::actors
