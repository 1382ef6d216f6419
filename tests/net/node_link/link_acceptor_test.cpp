// What strangers can do to the accepting end.
#include "net/node_link/link_acceptor.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>

#include "tests/net/node_link/link_fixture.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/raw_tls_peer.hpp"

namespace mtp::net {
namespace {

using test::link_fixture;
using test::link_gate;
using namespace std::chrono_literals;

std::size_t count(const std::vector<link_refusal>& all, link_refusal refusal) {
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), refusal));
}

bool is_closed(const unique_fd& fd) {
  char ignored = 0;
  const auto size = ::recv(fd.get(), &ignored, 1, 0);
  return size == 0 || (size < 0 && errno != EAGAIN);
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: a thousand silent clients don't keep a front out") {
  accept(back);
  std::vector<unique_fd> silent;
  const auto crowd = [&](int size) {
    for (int i = 0; i < size; ++i) {
      // From 16 networks: the limit of one is not the one that counts.
      silent.push_back(connect({127, 1, static_cast<std::uint8_t>(i % 16), 1}));
      if (i % 100 == 0) node.settle();
    }
  };
  crowd(1000);
  node.settle();
  std::size_t pending = 0;
  in_gate([&](link_gate& self) { pending = self.acceptor->pending(); });
  CHECK(pending == 256);
  CHECK(count(log.refused, link_refusal::crowded_out) == 744);
  dial(front);
  crowd(1000);
  CHECK(dial_problem().empty());
  CHECK(log.accepted.size() == 1);
  node.advance(5100ms);
  in_gate([&](link_gate& self) { pending = self.acceptor->pending(); });
  CHECK(pending == 0);
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: one address has its share only") {
  accept(back, {"front1"}, {.places = {.in_all = 10, .per_network = 6, .per_host = 4}});
  const auto other = connect({127, 0, 1, 1});
  const auto neighbour = connect({127, 0, 0, 2});
  node.settle();
  std::vector<unique_fd> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(connect({127, 0, 0, 3}));
    node.settle();
  }
  in_gate([](link_gate& self) { CHECK(self.acceptor->pending() == 6); });
  CHECK(log.refused.size() == 16);
  CHECK(std::ranges::count_if(silent, is_closed) == 16);
  CHECK_FALSE(is_closed(silent.back()));
  // And so has its network.
  for (std::uint8_t i = 0; i < 20; ++i) {
    silent.push_back(connect({127, 0, 0, static_cast<std::uint8_t>(10 + i)}));
    node.settle();
  }
  in_gate([](link_gate& self) { CHECK(self.acceptor->pending() == 7); });
  CHECK_FALSE(is_closed(silent.back()));
  CHECK_FALSE(is_closed(other));
  static_cast<void>(neighbour);
}

/// A front that has said hello, and takes its time to answer the back's certificate.
class slow_front {
 public:
  slow_front(link_fixture& at, std::array<std::uint8_t, 4> from)
      : at_{&at}, peer_{at.connect(from), {.identity = at.front}} {
    peer_.turn();
    at.node.settle();
    REQUIRE(peer_.problem().empty());
  }
  /// Whether it is let in when it goes on.
  [[nodiscard]] bool gets_in() {
    return at_->soon([&] {
      peer_.turn();
      return !at_->log.accepted.empty() || !peer_.problem().empty();
    }) && peer_.problem().empty();
  }

 private:
  link_fixture* at_;
  test::raw_tls_peer peer_;
};

TEST_CASE_FIXTURE(link_fixture,
                  "link acceptor: who has not said hello takes no place from who has") {
  accept(back, {"front1"}, {.places = {.in_all = 4, .per_network = 4, .per_host = 2}});
  // The worst place: they share its address.
  constexpr std::array<std::uint8_t, 4> address{127, 0, 0, 1};
  slow_front slow{*this, address};
  bytes said;
  SUBCASE("silence") {}
  SUBCASE("three bytes") {
    said = {22, 3, 1};
  }
  SUBCASE("a header") {
    said = {22, 3, 1, 2, 0};
  }
  SUBCASE("most of a hello") {
    said = {22, 3, 1, 2, 0};
    said.resize(516);
  }
  std::vector<unique_fd> strangers;
  for (int i = 0; i < 50; ++i) {
    strangers.push_back(connect(address));
    if (!said.empty())
      CHECK(::send(strangers.back().get(), said.data(), said.size(), 0) ==
            static_cast<ssize_t>(said.size()));
    node.settle();
  }
  CHECK(count(log.refused, link_refusal::crowded_out) == 48);
  CHECK(slow.gets_in());
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: hellos of one network push out their own") {
  accept(back, {"front1"}, {.places = {.in_all = 8, .per_network = 8, .per_host = 2}});
  slow_front slow{*this, {127, 0, 0, 1}};
  std::deque<test::raw_tls_peer> strangers;
  for (std::uint8_t i = 0; i < 40; ++i) {
    strangers.emplace_back(connect({127, 0, 1, static_cast<std::uint8_t>(1 + i % 8)}),
                           test::raw_tls_peer::options{});
    strangers.back().turn();
    node.settle();
  }
  CHECK(count(log.refused, link_refusal::crowded_out) == 33);
  CHECK(slow.gets_in());
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: a hello that comes in pieces is waited for") {
  accept(back);
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
  const unique_fd middle{pair[1]};
  test::raw_tls_peer peer{unique_fd{pair[0]}, {.identity = front}};
  const auto wire = connect();
  // A byte at a time to the back, and all there is from it.
  const auto relay = [&] {
    peer.turn();
    std::array<std::uint8_t, 4096> buffer{};
    if (::recv(middle.get(), buffer.data(), 1, 0) == 1)
      CHECK(::send(wire.get(), buffer.data(), 1, 0) == 1);
    const auto size = ::recv(wire.get(), buffer.data(), buffer.size(), 0);
    if (size > 0)
      CHECK(::send(middle.get(), buffer.data(), static_cast<std::size_t>(size), 0) == size);
  };
  CHECK(soon([&] {
    for (int i = 0; i < 100; ++i, node.settle())
      relay();
    return !log.accepted.empty() || !peer.problem().empty();
  }));
  CHECK(log.accepted.size() == 1);
}

/// With the plain transport.
struct plain_fixture : link_fixture {
  explicit plain_fixture(const link_place_limits& places = {
                             .in_all = 8, .per_network = 4, .per_host = 2}) {
    in_gate([&](link_gate& self) { self.accept(port->socket(0), nullptr, {.places = places}); });
  }
  /// What CAF does with those that were cut.
  void close_cut() {
    std::erase_if(log.accepted, [](auto& item) {
      if (!item.session->is_failed()) return false;
      item.session->finish();
      return true;
    });
  }
  unique_fd come(std::array<std::uint8_t, 4> from) {
    auto fd = connect(from);
    node.settle();
    return fd;
  }
  [[nodiscard]] std::size_t pending() {
    std::size_t pending = 0;
    in_gate([&](link_gate& self) { pending = self.acceptor->pending(); });
    return pending;
  }
};

TEST_CASE_FIXTURE(plain_fixture, "link acceptor: plain: strangers leave room for a front") {
  log.greets = false;
  const auto slow = come({127, 0, 0, 1});
  std::vector<unique_fd> strangers;
  for (std::uint8_t i = 0; i < 200; ++i) {
    strangers.push_back(come({127, 1, static_cast<std::uint8_t>(i % 3), i}));
    close_cut();
  }
  CHECK(pending() == 8);
  CHECK(log.accepted.size() == 8);
  CHECK(count(log.refused, link_refusal::crowded_out) == 193);
  CHECK_FALSE(is_closed(slow));
  CHECK_FALSE(is_closed(strangers.back()));
}

TEST_CASE_FIXTURE(plain_fixture, "link acceptor: plain: who does not join is cut in time") {
  log.greets = false;
  const auto joins = come({127, 0, 0, 1});
  const auto silent = come({127, 0, 0, 1});
  const auto leaves = come({127, 0, 1, 1});
  REQUIRE(log.accepted.size() == 3);
  log.joined.insert(log.accepted[0].session.get());
  log.accepted[2].session->finish();
  node.advance(4700ms);
  CHECK(pending() == 1);
  CHECK_FALSE(is_closed(silent));
  // It is looked at in intervals.
  node.advance(600ms);
  CHECK(is_closed(silent));
  CHECK_FALSE(is_closed(joins));
  CHECK(log.accepted[1].session->trouble() == "its BASP handshake did not come in time");
  CHECK(log.refused == std::vector{link_refusal::timed_out});
  CHECK(pending() == 0);
  node.advance(10s);
  CHECK(log.refused.size() == 1);
  CHECK_FALSE(is_closed(joins));
}

TEST_CASE_FIXTURE(plain_fixture, "link acceptor: none that is refused is left out of the log") {
  log.greets = false;
  test::captured_log lines;
  std::vector<unique_fd> silent;
  silent.push_back(come({127, 0, 0, 1}));
  node.advance(3s);
  silent.push_back(come({127, 0, 1, 1}));
  silent.push_back(come({127, 0, 2, 1}));
  node.advance(3s);
  CHECK(lines.count("info node link: refused 1 connection; the last one: its BASP") == 1);
  node.advance(3s);
  CHECK(log.refused.size() == 3);
  CHECK(lines.count("info") == 1);
  // No more connections come.
  node.advance(10s);
  CHECK(lines.count("info node link: refused 2 connections; the last one: its BASP") == 1);
  node.advance(60s);
  CHECK(lines.count("info") == 2);
}

TEST_CASE_FIXTURE(plain_fixture, "link acceptor: plain: not more are let in than can be closed") {
  log.greets = false;
  std::vector<unique_fd> strangers;
  for (int i = 0; i < 50; ++i)
    strangers.push_back(come({127, 0, 0, 1}));
  // Two places, and eight that have lost theirs.
  CHECK(log.accepted.size() == 10);
  CHECK(log.refused.size() == 48);
  close_cut();
  const auto fd = come({127, 0, 0, 1});
  CHECK_FALSE(is_closed(fd));
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: it waits when descriptors run out, and goes on") {
  accept(back);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const auto waiting = connect();
  // The lowest number that is free is the first one that is not allowed.
  const int next = ::dup(0);
  ::close(next);
  auto tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  node.settle();
  std::size_t pending = 1;
  in_gate([&](link_gate& self) { pending = self.acceptor->pending(); });
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(pending == 0);
  // Not watched meanwhile: nothing to do.
  node.settle();
  in_gate([&](link_gate& self) { CHECK(self.acceptor->pending() == 0); });
  node.advance(150ms);
  in_gate([&](link_gate& self) { CHECK(self.acceptor->pending() == 1); });
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: it may be closed at any moment") {
  accept(back);
  SUBCASE("while handshakes are under way") {
    const auto fd = connect();
    node.settle();
    in_gate([](link_gate& self) {
      self.acceptor->close();
      self.acceptor->close();
    });
    char ignored = 0;
    REQUIRE(soon([&] { return ::recv(fd.get(), &ignored, 1, 0) == 0; }));
  }
  SUBCASE("when it tells of a node") {
    log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    dial(front);
    CHECK(dial_problem().empty());
  }
  SUBCASE("when it tells of a stranger") {
    log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    const auto fd = connect();
    const auto two = connect();
    REQUIRE(::send(fd.get(), "x\n\n\n\n", 5, 0) == 5);
    REQUIRE(::send(two.get(), "x\n\n\n\n", 5, 0) == 5);
    REQUIRE(soon([&] { return !log.refused.empty(); }));
    CHECK(log.refused.size() == 1);
  }
  SUBCASE("when a plain one had to go for another") {
    in_gate(
        [&](link_gate& self) { self.accept(port->socket(0), nullptr, {.places = {.in_all = 1}}); });
    const auto fd = connect();
    node.settle();
    SUBCASE("as it is let in") {
      log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    }
    SUBCASE("as the other is cut") {
      log.in_callback = [&](link_gate& self) {
        if (!log.refused.empty()) self.acceptor.reset();
      };
    }
    const auto two = connect();
    REQUIRE(soon([&] { return log.accepted.size() == 2; }));
  }
  SUBCASE("when plain ones are late") {
    in_gate([&](link_gate& self) { self.accept(port->socket(0), nullptr); });
    const auto fd = connect();
    const auto two = connect();
    REQUIRE(soon([&] { return log.accepted.size() == 2; }));
    log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    node.advance(5500ms);
    CHECK(log.refused.size() == 1);
  }
  SUBCASE("when one had to go for another") {
    in_gate([&](link_gate& self) {
      self.accept(port->socket(0), open(back, tls_side::accepting), {.places = {.in_all = 1}});
    });
    log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    const auto fd = connect();
    const auto two = connect();
    REQUIRE(soon([&] { return !log.refused.empty(); }));
  }
  node.settle();
  log.in_callback = [](link_gate&) {};
}

}  // namespace
}  // namespace mtp::net
