// Which nodes get through a handshake and which do not, and what both ends say.
#include <fcntl.h>

#include "tests/net/node_link/link_fixture.hpp"
#include "tests/support/raw_tls_peer.hpp"

namespace mtp::net {
namespace {

using test::key_usage;
using test::link_fixture;
using test::link_gate;
using test::raw_tls_peer;
using namespace std::chrono_literals;

/// A peer of the acceptor that is not a node of ours. Ends when the acceptor has refused it.
struct stranger {
  stranger(link_fixture& test, const raw_tls_peer::options& how) : peer{test.connect(), how} {
    REQUIRE(test.soon([&] {
      peer.turn();
      return !test.log.refused.empty() && !peer.problem().empty();
    }));
  }
  raw_tls_peer peer;
};

/// One that the dialer finds. Ends when the dial has.
struct strange_back {
  strange_back(link_fixture& test, const raw_tls_peer::options& how) {
    test.dial(test.front);
    unique_fd fd{::accept4(test.port->socket(0), nullptr, nullptr, SOCK_NONBLOCK)};
    REQUIRE(fd);
    peer.emplace(std::move(fd), how);
    REQUIRE(test.soon([&] {
      peer->turn();
      return !test.log.dialed.empty();
    }));
    REQUIRE(test.soon([&] {
      peer->turn();
      return !peer->problem().empty();
    }));
  }
  std::optional<raw_tls_peer> peer;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE_FIXTURE(link_fixture, "node link: two nodes that trust each other are connected") {
  accept(back);
  dial(front);
  CHECK(dial_problem().empty());
  REQUIRE(log.accepted.size() == 1);
  CHECK(log.refused.empty());
  const auto& there = *log.dialed.front()->session();
  const auto& here = *log.accepted.front().session;
  CHECK(there.peer_name() == "back1");
  CHECK(there.remote() == port->where());
  CHECK(here.peer_name() == "front1");
  CHECK(here.remote().ip == loopback);
  CHECK_FALSE(there.ended());
  in_gate([](link_gate& self) {
    CHECK(self.acceptor->pending() == 0);
    CHECK_FALSE(self.dialer->busy());
  });
}

TEST_CASE_FIXTURE(link_fixture, "node link: it is a success only when the back has spoken") {
  log.greets = false;
  accept(back);
  dial(front);
  REQUIRE(soon([&] { return log.accepted.size() == 1; }));
  CHECK(log.dialed.empty());
  node.advance(5s);
  CHECK(dial_problem_there() == "TLS is up, but nothing came within 5 s");
}

TEST_CASE_FIXTURE(link_fixture, "node link: a name that is not allowed is refused, and told") {
  accept(back, {"front2"});
  dial(front);
  CHECK(dial_problem_there() == "it does not allow the name of our certificate, \"front1\"");
  CHECK(log.refused == std::vector{link_refusal::name});
  CHECK(log.accepted.empty());
}

TEST_CASE_FIXTURE(link_fixture, "node link: allowed names can change") {
  accept(back, {});
  dial(front);
  CHECK(contains(dial_problem(), "does not allow"));
  in_gate([](link_gate& self) { self.acceptor->allow({"front1", "front2"}); });
  log.dialed.clear();
  dial(front);
  CHECK(dial_problem().empty());
  in_gate([](link_gate& self) { self.acceptor->allow({"front2"}); });
  log.dialed.clear();
  dial(front);
  CHECK(contains(dial_problem(), "does not allow"));
}

TEST_CASE_FIXTURE(link_fixture, "node link: a front does not take another node for its back") {
  accept(back);
  dial(front, "back2");
  CHECK(dial_problem_there() == "its name is \"back1\", expected \"back2\"");
  REQUIRE(soon([&] { return !log.refused.empty(); }));
  CHECK(log.refused == std::vector{link_refusal::refused_us});
}

TEST_CASE_FIXTURE(link_fixture, "node link: certificates of another CA are refused by either end") {
  const test::certificate_authority other{directory.path(), "other"};
  SUBCASE("the front's") {
    auto files = other.issue("stray", {.name = "front1"});
    files.ca = ca.file();
    accept(back);
    dial(files);
    CHECK(dial_problem_there() == "it does not trust the CA of our certificate");
    CHECK(log.refused == std::vector{link_refusal::certificate});
  }
  SUBCASE("the back's") {
    auto files = other.issue("stray", {.name = "back1"});
    files.ca = ca.file();
    accept(files);
    dial(front);
    CHECK(dial_problem_there() == "its certificate is from a CA that we do not trust");
    REQUIRE(soon([&] { return !log.refused.empty(); }));
    CHECK(log.refused == std::vector{link_refusal::refused_us});
  }
  SUBCASE("the front's, by a CA of the same name") {
    std::filesystem::create_directory(directory.path() / "b");
    const test::certificate_authority same_name{directory.path() / "b", "ca"};
    auto files = same_name.issue("stray", {.name = "front1"});
    files.ca = ca.file();
    accept(back);
    dial(files);
    CHECK(contains(dial_problem_there(), "our certificate"));
    CHECK(log.refused == std::vector{link_refusal::certificate});
  }
}

TEST_CASE_FIXTURE(link_fixture, "node link: a front's certificate must be of its time and use") {
  accept(back);
  std::string alert;
  SUBCASE("expired") {
    const auto files = ca.issue("bad", {.name = "front1", .from = -48h, .until = -1h});
    alert = stranger{*this, {.identity = files}}.peer.problem();
    CHECK(contains(alert, "alert certificate expired"));
  }
  SUBCASE("not yet valid") {
    const auto files = ca.issue("bad", {.name = "front1", .from = 1h, .until = 48h});
    alert = stranger{*this, {.identity = files}}.peer.problem();
    CHECK(contains(alert, "alert bad certificate"));
  }
  SUBCASE("a server's") {
    const auto files = ca.issue("bad", {.name = "front1", .usage = key_usage::server});
    alert = stranger{*this, {.identity = files}}.peer.problem();
    CHECK(contains(alert, "alert unsupported certificate"));
  }
  SUBCASE("none") {
    alert = stranger{*this, {}}.peer.problem();
    CHECK(contains(alert, "alert certificate required"));
  }
  CHECK(log.refused == std::vector{link_refusal::certificate});
}

TEST_CASE_FIXTURE(link_fixture, "node link: a certificate without a usable name is refused") {
  accept(back);
  const auto files = ca.issue("bad", {.name = "front1", .second_name = "front2"});
  const stranger visitor{*this, {.identity = files}};
  CHECK(log.refused == std::vector{link_refusal::name});
}

TEST_CASE_FIXTURE(link_fixture, "node link: a back's certificate must be of its time and use") {
  std::string expected;
  std::string alert;
  test::certificate_options options{.name = "back1"};
  SUBCASE("expired") {
    options.from = -48h;
    options.until = -1h;
    expected = "its certificate has expired";
    alert = "alert certificate expired";
  }
  SUBCASE("not yet valid") {
    options.from = 1h;
    expected = "its certificate is not yet valid (are both clocks right?)";
    alert = "alert bad certificate";
  }
  SUBCASE("a client's") {
    options.usage = key_usage::client;
    expected = "its certificate is not for a TLS server (extended key usage)";
    alert = "alert unsupported certificate";
  }
  const strange_back visitor{*this,
                             {.side = tls_side::accepting, .identity = ca.issue("bad", options)}};
  CHECK(dial_problem_there() == expected);
  CHECK(contains(visitor.peer->problem(), alert));
}

TEST_CASE_FIXTURE(link_fixture, "node link: nothing older than TLS 1.3 is spoken") {
  SUBCASE("by a front") {
    accept(back);
    const stranger visitor{*this, {.identity = front, .only_tls12 = true}};
    CHECK(contains(visitor.peer.problem(), "alert protocol version"));
    CHECK(log.refused == std::vector{link_refusal::protocol});
  }
  SUBCASE("by a back") {
    const strange_back visitor{*this,
                               {.side = tls_side::accepting, .identity = back, .only_tls12 = true}};
    CHECK(dial_problem_there() == "it does not speak TLS 1.3");
  }
}

TEST_CASE_FIXTURE(link_fixture, "node link: what is not TLS is refused at its first record") {
  accept(back);
  // A BASP client handshake, as a plain node sends it.
  bytes basp(32);
  basp[0] = 1;
  const std::string http = "GET / HTTP/1.1\r\nHost: back\r\n\r\n";
  for (const auto& data : {to_bytes(as_bytes(http)), basp, bytes(20'000, 0xff)}) {
    log.refused.clear();
    const auto fd = connect();
    REQUIRE(::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL) > 0);
    REQUIRE(soon([&] { return !log.refused.empty(); }));
    CHECK(log.refused == std::vector{link_refusal::not_tls});
    // An alert and the end: a reset could have overtaken it.
    ssize_t got = 0;
    REQUIRE(soon([&] {
      char ignored[64];
      got = ::recv(fd.get(), ignored, sizeof ignored, 0);
      return got == 0 || (got < 0 && errno != EAGAIN);
    }));
    CHECK(got == 0);
  }
  log.refused.clear();
  // Looks like TLS for one byte.
  const auto fd = connect();
  bytes data(100, 0xff);
  data[0] = 22;
  REQUIRE(::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL) > 0);
  REQUIRE(soon([&] { return !log.refused.empty(); }));
  CHECK(log.refused == std::vector{link_refusal::protocol});
}

TEST_CASE_FIXTURE(link_fixture,
                  "node link: a back that does not speak TLS is told from one that "
                  "does not answer") {
  dial(front);
  const unique_fd fd{::accept(port->socket(0), nullptr, nullptr)};
  REQUIRE(fd);
  SUBCASE("not TLS") {
    const std::string ssh = "SSH-2.0-OpenSSH_9.2\r\n";
    REQUIRE(::send(fd.get(), ssh.data(), ssh.size(), MSG_NOSIGNAL) > 0);
    CHECK(dial_problem_there() == "it does not speak TLS");
  }
  SUBCASE("silent") {
    node.advance(4s);
    CHECK(log.dialed.empty());
    node.advance(1100ms);
    CHECK(dial_problem_there() == "TCP is up, but TLS got no answer within 5 s");
  }
  SUBCASE("gone") {
    ::shutdown(fd.get(), SHUT_RDWR);
    CHECK(dial_problem_there() == "it closed the connection");
  }
}

TEST_CASE_FIXTURE(link_fixture, "node link: half a handshake is given up in time") {
  accept(back);
  const auto fd = connect();
  // The beginning of a ClientHello of 512 bytes.
  const bytes hello{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3};
  REQUIRE(::send(fd.get(), hello.data(), hello.size(), MSG_NOSIGNAL) > 0);
  node.settle();
  node.advance(4900ms);
  CHECK(log.refused.empty());
  node.advance(200ms);
  CHECK(log.refused == std::vector{link_refusal::timed_out});
  // The end, after an alert or not.
  char ignored[64];
  REQUIRE(soon([&] { return ::recv(fd.get(), ignored, sizeof ignored, 0) == 0; }));
}

TEST_CASE_FIXTURE(link_fixture, "node link: peers that leave are forgotten") {
  accept(back);
  {
    const auto fd = connect();
    node.settle();
  }
  REQUIRE(soon([&] { return !log.refused.empty(); }));
  CHECK(log.refused == std::vector{link_refusal::closed});
}

TEST_CASE_FIXTURE(link_fixture, "node link: new certificates are for new connections") {
  const auto credentials = open(back, tls_side::accepting);
  in_gate([&](link_gate& self) {
    self.accept(port->socket(0), credentials);
    self.acceptor->allow({"front1"});
  });
  dial(front);
  CHECK(dial_problem().empty());
  static_cast<void>(ca.issue("back", {.name = "back2"}));
  REQUIRE(credentials->reload());
  log.dialed.clear();
  dial(front);
  CHECK(dial_problem_there() == "its name is \"back2\", expected \"back1\"");
  log.dialed.clear();
  dial(front, "back2");
  CHECK(dial_problem().empty());
  CHECK(log.accepted.size() == 2);
  // The first one has not noticed.
  CHECK(log.accepted.front().channel->write(bytes{1}).size == 1);
}

TEST_CASE_FIXTURE(link_fixture, "node link: the plain transport is ready at once") {
  in_gate([&](link_gate& self) { self.accept(port->socket(0), nullptr); });
  const auto dial_plain = [&] {
    in_gate([&](link_gate& self) {
      self.dial({.host = to_string(loopback), .port = port->where().port}, nullptr);
    });
  };
  SUBCASE("and the back speaks first") {
    dial_plain();
    CHECK(dial_problem().empty());
    CHECK(log.accepted.front().channel == nullptr);
    CHECK(log.accepted.front().session->peer_name().empty());
  }
  SUBCASE("a silent back may have TLS") {
    log.greets = false;
    dial_plain();
    node.advance(5100ms);
    CHECK(dial_problem_there() ==
          "TCP is up, but nothing came within 5 s (is it a node with transport = \"plain\"?)");
  }
}

TEST_CASE_FIXTURE(link_fixture, "node link: a plain back that says something else is no node") {
  in_gate([&](link_gate& self) {
    self.dial({.host = to_string(loopback), .port = port->where().port}, nullptr);
  });
  const unique_fd fd{::accept(port->socket(0), nullptr, nullptr)};
  SUBCASE("something else") {
    REQUIRE(::send(fd.get(), "SSH", 3, MSG_NOSIGNAL) == 3);
    CHECK(dial_problem_there() == "it does not speak BASP");
  }
  SUBCASE("nothing") {
    ::shutdown(fd.get(), SHUT_RDWR);
    CHECK(dial_problem_there() == "it closed the connection");
  }
}

}  // namespace
}  // namespace mtp::net
