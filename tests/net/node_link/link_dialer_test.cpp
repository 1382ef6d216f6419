// Finding and reaching a back, and giving up on it at any moment.
#include "net/node_link/link_dialer.hpp"

#include <fcntl.h>

#include "tests/net/node_link/link_fixture.hpp"

namespace mtp::net {
namespace {

using test::link_fixture;
using test::link_gate;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(link_fixture, "link dialer: nobody listens there") {
  const auto where = port->where();
  port.reset();
  in_gate([&](link_gate& self) {
    self.dial({.host = "127.0.0.1", .port = where.port, .name = "back1"},
              open(front, tls_side::dialing)->current());
  });
  CHECK(dial_problem() == to_string(where) + ": Connection refused");
}

TEST_CASE_FIXTURE(link_fixture, "link dialer: TCP gets no answer") {
  // A backlog that is full: the kernel ignores new connections.
  const unique_fd full{::socket(AF_INET, SOCK_STREAM, 0)};
  const auto any = to_socket_address({.ip = loopback, .port = 0});
  REQUIRE(::bind(full.get(), any.get(), any.size) == 0);
  REQUIRE(::listen(full.get(), 0) == 0);
  const auto where = local_endpoint(full.get());
  const auto address = to_socket_address(where);
  std::vector<unique_fd> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    static_cast<void>(::connect(waiting.back().get(), address.get(), address.size));
  }
  in_gate([&](link_gate& self) {
    self.dial({.host = "127.0.0.1", .port = where.port, .name = "back1"},
              open(front, tls_side::dialing)->current());
  });
  node.advance(4900ms);
  CHECK(log.dialed.empty());
  node.advance(200ms);
  CHECK(dial_problem() == to_string(where) + ": no answer within 5 s");
}

TEST_CASE_FIXTURE(link_fixture, "link dialer: a host's addresses are tried in turn") {
  const auto dial_both = [&] {
    in_gate([&](link_gate& self) {
      self.dial({.host = "back.test", .port = port->where().port, .name = "back1"},
                open(front, tls_side::dialing)->current());
    });
  };
  const auto elsewhere = ip_address::v4({127, 0, 0, 2});
  dns.set("back.test", {.addresses = {elsewhere, loopback}});
  SUBCASE("nobody listens at one") {
    accept(back);
    dial_both();
    CHECK(dial_problem().empty());
  }
  SUBCASE("at one there is a node of another name, and the other does not listen") {
    accept(ca.issue("back2", {.name = "back2", .usage = test::key_usage::server}));
    dial_both();
    const auto problem = dial_problem();
    CHECK(problem.find("127.0.0.2:" + std::to_string(port->where().port) +
                       ": Connection refused") != std::string::npos);
    CHECK(problem.find(to_string(port->where()) + ": ") != std::string::npos);
    CHECK(problem.find("back2") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(link_fixture, "link dialer: a host that is not there") {
  in_gate([&](link_gate& self) {
    self.dial({.host = "back.test", .port = 1, .name = "back1"},
              open(front, tls_side::dialing)->current());
  });
  CHECK(dial_problem() == "back.test: can't find its address: there is no such name");
}

TEST_CASE_FIXTURE(link_fixture, "link dialer: it can be cancelled and destroyed at any moment") {
  const auto context = open(front, tls_side::dialing)->current();
  const link_target named{.host = "localhost", .port = port->where().port, .name = "back1"};
  const link_target literal{.host = "127.0.0.1", .port = port->where().port, .name = "back1"};
  SUBCASE("before anything happened") {
    in_gate([&](link_gate& self) {
      self.dial(literal, context);
      self.dialer->cancel();
      self.dial(named, context);
      self.dialer.reset();
    });
  }
  SUBCASE("after any number of turns of the loop") {
    log.greets = false;
    accept(back);
    for (int turns = 0; turns < 40; ++turns) {
      in_gate([&](link_gate& self) { self.dial(turns % 2 == 0 ? literal : named, context); });
      for (int i = 0; i < turns / 4; ++i)
        node.core.reactors[0]->run_once(1ms);
      in_gate([](link_gate& self) { self.dialer.reset(); });
    }
  }
  node.settle();
  node.advance(20s);
  CHECK(log.dialed.empty());
}

TEST_CASE_FIXTURE(link_fixture, "link dialer: it may be destroyed, or dial, when it calls") {
  const auto context = open(front, tls_side::dialing)->current();
  const link_target target{.host = "127.0.0.1", .port = port->where().port, .name = "back1"};
  accept(back);
  SUBCASE("destroyed") {
    log.in_callback = [&](link_gate& self) {
      if (!log.dialed.empty()) self.dialer.reset();
    };
    in_gate([&](link_gate& self) { self.dial(target, context); });
    CHECK(dial_problem().empty());
  }
  SUBCASE("dials") {
    log.in_callback = [&](link_gate& self) {
      if (log.dialed.size() == 1 && !self.dialer->busy()) self.dial(target, context);
    };
    in_gate([&](link_gate& self) { self.dial(target, context); });
    REQUIRE(soon([&] { return log.dialed.size() == 2; }));
    CHECK(log.dialed.back());
  }
  log.in_callback = [](link_gate&) {};
}

TEST_CASE_FIXTURE(link_fixture, "link dialer: its actor may end in the middle of it") {
  log.greets = false;
  accept(back);
  dial(front);
  caf::anon_send_exit(gate, caf::exit_reason::kill);
  node.settle();
  node.advance(20s);
  CHECK(log.dialed.empty());
}

}  // namespace
}  // namespace mtp::net
