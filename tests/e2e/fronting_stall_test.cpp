// Forwarded connections with an end that takes nothing: it stops the other end, and nobody else.
#include <poll.h>

#include "tests/e2e/fronting_crowd.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

/// More than all sockets on the way take: they have up to 4 MiB each to send.
constexpr std::size_t long_stream = std::size_t{is_instrumented ? 32 : 64} << 20U;
constexpr double mib = 1024.0 * 1024.0;

/// Whether the socket is ready for this within the time.
bool is_ready(const net::blocking_socket& socket, short events, std::chrono::milliseconds within) {
  pollfd at{.fd = socket.fd(), .events = events, .revents = 0};
  return ::poll(&at, 1, static_cast<int>(within.count())) > 0;
}

/// Bytes on their way.
struct transfer {
  const net::blocking_socket& from;
  const net::blocking_socket& to;
  /// Not sent yet; then comes FIN.
  byte_view rest;
  /// Not received yet.
  byte_view expected;
  bool is_over = false;
};

/// Sends what is taken now. False if that is nothing.
bool send_some(transfer& moving) {
  if (moving.rest.empty()) return false;
  const auto sent =
      ::send(moving.from.fd(), moving.rest.data(), moving.rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent <= 0) return false;
  moving.rest = moving.rest.subspan(static_cast<std::size_t>(sent));
  if (moving.rest.empty()) REQUIRE(::shutdown(moving.from.fd(), SHUT_WR) == 0);
  return true;
}

/// Receives what has come. False if that is nothing.
bool receive_some(transfer& moving, byte_span buffer) {
  const auto size = ::recv(moving.to.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0) {
    REQUIRE(errno == EAGAIN);
    return false;
  }
  moving.is_over = size == 0;
  const auto got = static_cast<std::size_t>(size);
  REQUIRE(got <= moving.expected.size());
  REQUIRE(std::equal(buffer.begin(), buffer.begin() + size, moving.expected.begin()));
  moving.expected = moving.expected.subspan(got);
  return true;
}

/// Sends until nobody has taken a byte for half a second.
void send_until_stopped(std::vector<transfer>& all) {
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& each : all)
      while (send_some(each))
        moved = true;
    moved = moved || is_ready(all.front().from, POLLOUT, 500ms);
  }
}

/// What was not sent so far will not be.
void leave_out_rest(transfer& moving) {
  REQUIRE_FALSE(moving.rest.empty());
  moving.expected = moving.expected.first(moving.expected.size() - moving.rest.size());
  moving.rest = {};
}

/// Reads everything to the end, while the rest is sent.
void finish(std::vector<transfer> all) {
  bytes buffer(std::size_t{1} << 20U);
  auto deadline = soon();
  while (std::ranges::any_of(all, [](const transfer& each) { return !each.is_over; }))
    for (auto& each : all) {
      if (each.is_over) continue;
      const bool sent = send_some(each);
      if (receive_some(each, buffer) || sent)
        deadline = soon();
      else if (!is_ready(each.to, POLLIN, 10ms))
        REQUIRE(net::blocking_socket::clock::now() < deadline);
    }
  for (const auto& each : all)
    CHECK(each.expected.empty());
}

/// One visit, and others beside it that have been served.
struct stalled_front : loaded_front {
  std::vector<visit> beside = make_visits(*this, 10);
  net::blocking_socket visitor = std::move(beside.back().visitor);
  net::blocking_socket at_site = std::move(*beside.back().at_site);
  bytes stream = random_packet(long_stream);
  double memory = 0;

  explicit stalled_front(int reactors = 2)
      : loaded_front{"reactors = " + std::to_string(reactors) + "\n"} {
    beside.pop_back();
    check_others();
    memory = resident_memory(pid());
  }
  /// All others are served, and so are clients.
  void check_others() {
    exchange_messages(beside);
    check_client();
  }
  /// For a second nothing happens in the proxy; and it has not taken memory.
  void check_still() const {
    const auto before = cpu_time(pid());
    CHECK_FALSE(is_ready(beside[0].visitor, POLLIN, 1s));
    const auto used = cpu_time(pid()) - before;
    const auto grown = resident_memory(pid()) - memory;
    MESSAGE("CPU time ", used.count(), " ms; memory grew by ", grown / mib, " MiB");
    CHECK(used < 200ms);
    if (!is_instrumented) CHECK(grown < 4 * mib);
  }
  /// Sends all that is taken. Returns what is left.
  byte_view stop(const net::blocking_socket& sender) {
    std::vector<transfer> only{{.from = sender, .to = sender, .rest = stream, .expected = stream}};
    send_until_stopped(only);
    const auto rest = only[0].rest;
    MESSAGE("stopped after ", static_cast<double>(stream.size() - rest.size()) / mib, " MiB");
    REQUIRE_FALSE(rest.empty());
    check_still();
    check_others();
    return rest;
  }
};

TEST_CASE("fronting: a site that reads nothing stops its visitor, nobody else, and loses no byte" *
          doctest::test_suite("waits")) {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  stalled_front front;
  const auto rest = front.stop(front.visitor);
  // The other way is not stopped.
  REQUIRE(front.at_site.send(as_bytes("answer"), soon()));
  CHECK(receive(front.visitor, 6) == of("answer"));
  SUBCASE("it reads after all") {
    finish({{front.visitor, front.at_site, rest, front.stream}});
  }
  SUBCASE("its visitor is reset") {
    net::set_reset_on_close(front.visitor.fd(), true);
    { const auto gone = std::move(front.visitor); }
    CHECK(front.wait_for_fronted(front.beside.size()));
  }
  front.check_others();
}

TEST_CASE("fronting: a visitor that reads nothing stops its site, nobody else, and may leave" *
          doctest::test_suite("waits")) {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  stalled_front front;
  const auto rest = front.stop(front.at_site);
  SUBCASE("it reads after all") {
    finish({{front.at_site, front.visitor, rest, front.stream}});
  }
  SUBCASE("it has finished: the site is told, and may go on") {
    REQUIRE(::shutdown(front.visitor.fd(), SHUT_WR) == 0);
    check_finished(front.at_site);
    front.check_still();
    finish({{front.at_site, front.visitor, rest, front.stream}});
    CHECK(front.wait_for_fronted(front.beside.size()));
  }
  SUBCASE("it leaves") {
    { const auto gone = std::move(front.visitor); }
    check_reset(front.at_site);
    CHECK(front.wait_for_fronted(front.beside.size()));
  }
  front.check_others();
}

TEST_CASE("fronting: both ends send without reading, and then read everything" *
          doctest::test_suite("waits")) {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  stalled_front front;
  const auto rest = front.stop(front.visitor);
  const auto rest_of_site = front.stop(front.at_site);
  finish({{front.visitor, front.at_site, rest, front.stream},
          {front.at_site, front.visitor, rest_of_site, front.stream}});
  CHECK(front.wait_for_fronted(front.beside.size()));
  front.check_others();
}

TEST_CASE("fronting: both ends have finished, and one has not taken everything" *
          doctest::test_suite("waits")) {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  stalled_front front;
  auto many = make_visits(front, 8);
  std::vector<transfer> all;
  for (auto& each : many) {
    auto* from = &each.visitor;
    auto* to = &*each.at_site;
    if (all.size() % 2 == 0) std::swap(from, to);
    all.push_back({.from = *from, .to = *to, .rest = front.stream, .expected = front.stream});
  }
  send_until_stopped(all);
  for (auto& each : all) {
    leave_out_rest(each);
    REQUIRE(::shutdown(each.to.fd(), SHUT_WR) == 0);
    REQUIRE(::shutdown(each.from.fd(), SHUT_WR) == 0);
  }
  // A little is read, until FIN has come to the proxy. Mostly it comes behind bytes that nobody
  // takes: a socket there has sent and received FIN then, which the kernel tells of for ever.
  bytes buffer(std::size_t{64} << 10U);
  REQUIRE(eventually(
      [&] {
        return std::ranges::count_if(all, [&](transfer& each) {
                 if (net::untaken_bytes(each.from.fd()) == 0) return false;
                 static_cast<void>(receive_some(each, buffer));
                 return true;
               }) == 0;
      },
      patience));
  front.check_still();
  front.check_others();
  finish(std::move(all));
  CHECK(front.wait_for_fronted(front.beside.size() + 1));
}

TEST_CASE("fronting: more ends that take nothing than there are pipes") {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  // A reactor has 64 pipes: the rest is copied.
  stalled_front front{1};
  auto many = make_visits(front, 80);
  std::vector<transfer> all;
  for (auto& each : many) {
    // Each begins elsewhere, so that bytes of another one are found.
    const auto own = byte_view{front.stream}.subspan(all.size() * 1000);
    all.push_back({.from = each.visitor, .to = *each.at_site, .rest = own, .expected = own});
  }
  send_until_stopped(all);
  std::size_t taken = 0;
  for (auto& each : all) {
    leave_out_rest(each);
    taken += each.expected.size();
    REQUIRE(::shutdown(each.from.fd(), SHUT_WR) == 0);
  }
  MESSAGE("stopped after ", static_cast<double>(taken) / mib, " MiB");
  front.check_still();
  front.check_others();
  finish(std::move(all));
  front.check_others();
}

}  // namespace
}  // namespace mtp::test
