// What strangers can do to the accepting end.
#include "net/link_acceptor.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "tests/net/link_fixture.hpp"

namespace mtp::net {
namespace {

using test::link_fixture;
using test::link_gate;
using namespace std::chrono_literals;

std::size_t count(const std::vector<link_refusal>& all, link_refusal what) {
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), what));
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: a thousand silent clients don't keep a front out") {
  accept(back);
  std::vector<unique_fd> silent;
  const auto crowd = [&](int size) {
    for (int i = 0; i < size; ++i) {
      // From 16 addresses: the limit of one is not the one that counts.
      silent.push_back(connect({127, 0, 1, static_cast<std::uint8_t>(i % 16)}));
      if (i % 100 == 0) node.settle();
    }
  };
  crowd(1000);
  node.settle();
  std::size_t pending = 0;
  in_gate([&](link_gate& self) { pending = self.acceptor->pending(); });
  CHECK(pending == 256);
  CHECK(count(log.refused, link_refusal::crowded_out) == 744);
  // More come while it is in its handshake: those that have said nothing go first.
  dial(front);
  crowd(1000);
  CHECK(dial_problem().empty());
  CHECK(log.accepted.size() == 1);
  node.advance(5100ms);
  in_gate([&](link_gate& self) { pending = self.acceptor->pending(); });
  CHECK(pending == 0);
}

TEST_CASE_FIXTURE(link_fixture, "link acceptor: one address has its share only") {
  accept(back, {"front1"}, {.pending = 10, .pending_per_address = 4});
  const auto other = connect({127, 0, 0, 2});
  node.settle();
  std::vector<unique_fd> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(connect({127, 0, 0, 3}));
    node.settle();
  }
  in_gate([](link_gate& self) { CHECK(self.acceptor->pending() == 5); });
  CHECK(log.refused.size() == 16);
  // The oldest had to go, and only of that address.
  char ignored = 0;
  CHECK(::recv(silent[15].get(), &ignored, 1, 0) == 0);
  CHECK(::recv(silent[16].get(), &ignored, 1, 0) < 0);
  CHECK(::recv(other.get(), &ignored, 1, 0) < 0);
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
    const auto one = connect();
    node.settle();
    in_gate([](link_gate& self) {
      self.acceptor->close();
      self.acceptor->close();
    });
    char ignored = 0;
    REQUIRE(soon([&] { return ::recv(one.get(), &ignored, 1, 0) == 0; }));
  }
  SUBCASE("when it tells of a node") {
    log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    dial(front);
    CHECK(dial_problem().empty());
  }
  SUBCASE("when it tells of a stranger") {
    log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    const auto one = connect();
    const auto two = connect();
    REQUIRE(::send(one.get(), "x\n\n\n\n", 5, 0) == 5);
    REQUIRE(::send(two.get(), "x\n\n\n\n", 5, 0) == 5);
    REQUIRE(soon([&] { return !log.refused.empty(); }));
    CHECK(log.refused.size() == 1);
  }
  SUBCASE("when one had to go for another") {
    in_gate([&](link_gate& self) {
      self.accept(port->socket(0), open(back, tls_side::accepting), {.pending = 1});
    });
    log.in_callback = [&](link_gate& self) { self.acceptor.reset(); };
    const auto one = connect();
    const auto two = connect();
    REQUIRE(soon([&] { return !log.refused.empty(); }));
  }
  node.settle();
  log.in_callback = [](link_gate&) {};
}

}  // namespace
}  // namespace mtp::net
