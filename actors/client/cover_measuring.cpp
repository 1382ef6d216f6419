#include "actors/client/cover_measuring.hpp"

#include <poll.h>

#include <algorithm>
#include <system_error>

#include "net/dial/blocking_dial.hpp"
#include "net/loop/unix_listener.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;
using clock = net::blocking_socket::clock;
using socket = tl::expected<net::blocking_socket, std::string>;

constexpr auto cancel_interval = 100ms;
constexpr clock::duration shortest_silence = 300ms;
constexpr clock::duration longest_silence = 2s;
/// A site's flight comes in one go, but for a slow one.
constexpr auto longest_flight = 10s;

socket reach(const cover_target& site, const std::atomic<bool>& cancelled) {
  if (const auto* const target = std::get_if<net::dial_target>(&site.to))
    return net::dial_blocking(*target, clock::now() + site.limit, &cancelled);
  const auto& path = std::get<std::string>(site.to);
  auto fd = net::connect_unix(path);
  if (!fd) return tl::unexpected{path + ": " + std::generic_category().message(fd.error())};
  return net::blocking_socket{std::move(*fd)};
}

/// Whether there is something to be read by then.
bool is_readable(int fd, clock::time_point deadline, const std::atomic<bool>& cancelled) {
  while (!cancelled) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (left <= 0ms) return false;
    pollfd at{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&at, 1, static_cast<int>(std::min(left, cancel_interval).count())) > 0) return true;
  }
  return false;
}

}  // namespace

measured_flight measure_flight(const cover_target& site, const cover_probe& probe,
                               const std::atomic<bool>& cancelled) {
  const auto start = clock::now();
  auto reached = reach(site, cancelled);
  if (!reached) return {.flight = {}, .trouble = std::move(reached.error())};
  // Two ways there and back: what is lost on the way comes again by then.
  const auto silence = std::clamp(4 * (clock::now() - start), shortest_silence, longest_silence);
  bytes hello;
  // Nobody's visit.
  if (site.proxy) hello = make_proxy_header(*site.proxy, std::nullopt);
  append(hello, probe.record);
  const auto answer_by = clock::now() + cover_answer_time;
  if (auto sent = reached->send(hello, answer_by); !sent)
    return {.flight = {}, .trouble = std::move(sent.error())};

  server_flight_reader reader{probe.session_id};
  bytes buffer(16384);
  auto next_by = answer_by;
  const auto end = answer_by + longest_flight;
  while (!reader.done() && is_readable(reached->fd(), std::min(next_by, end), cancelled)) {
    const auto got = reached->receive(buffer, clock::now() + cancel_interval);
    if (!got || *got == 0) break;
    // What is wrong with it is in the flight.
    static_cast<void>(reader.feed(byte_view{buffer}.first(*got)));
    next_by = clock::now() + silence;
  }
  measured_flight result{.flight = reader.finish(), .trouble = {}};
  if (result.flight.kind == flight_kind::none) result.trouble = "no answer to a ClientHello";
  return result;
}

}  // namespace mtp::actors
