// Which connections the accepting end gives away, as they are not a front's.
#include <array>

#include "codecs/client/tls_client_hello.hpp"
#include "tests/net/node_link/link_fixture.hpp"
#include "tests/support/raw_tls_peer.hpp"

namespace mtp::net {
namespace {

using test::link_fixture;
using test::link_gate;
using namespace std::chrono_literals;

constexpr auto front_name = "www.example.com";

bytes hello_for(std::string_view sni) {
  std::array<std::uint8_t, client_hello_random_size> random{};
  random.fill(7);
  return make_client_hello({}, sni, 1'700'000'000, random);
}

struct strangers_fixture : link_fixture {
  void begin(std::optional<std::string> sni) {
    accept(back);
    in_gate([&](link_gate& self) { self.acceptor->forward_strangers(std::move(sni)); });
  }
  void dial_for(const std::string& sni) {
    in_gate([&](link_gate& self) {
      self.dial(
          {.host = to_string(loopback), .port = port->where().port, .name = "back1", .sni = sni},
          open(front, tls_side::dialing)->current());
    });
  }
  unique_fd send(byte_view said) {
    auto fd = connect();
    node.settle();
    REQUIRE(::send(fd.get(), said.data(), said.size(), 0) == static_cast<ssize_t>(said.size()));
    node.settle();
    return fd;
  }
  /// What can be read of the only stranger.
  [[nodiscard]] bytes unread() const {
    REQUIRE(log.strangers.size() == 1);
    bytes said(4096);
    const auto size = ::recv(log.strangers.front().get(), said.data(), said.size(), 0);
    REQUIRE(size >= 0);
    said.resize(static_cast<std::size_t>(size));
    return said;
  }
};

TEST_CASE_FIXTURE(strangers_fixture, "link strangers: a front that asks for the name is let in") {
  begin(front_name);
  dial_for(front_name);
  CHECK(dial_problem().empty());
  CHECK(log.accepted.size() == 1);
  CHECK(log.strangers.empty());
}

TEST_CASE_FIXTURE(strangers_fixture,
                  "link strangers: a front asks for no name where there is none") {
  begin("");
  dial_for("");
  CHECK(dial_problem().empty());
  CHECK(log.strangers.empty());
}

TEST_CASE_FIXTURE(strangers_fixture, "link strangers: others go at once, with all they have said") {
  bytes said;
  SUBCASE("another name") {
    said = hello_for("other.example");
  }
  SUBCASE("the right name, and bytes behind it") {
    said = hello_for(front_name);
    said.push_back(22);
  }
  SUBCASE("HTTP") {
    const std::string_view http = "GET / HTTP/1.1\r\n\r\n";
    said.assign(http.begin(), http.end());
  }
  SUBCASE("a record of another kind") {
    said = {21, 3, 1, 0, 2, 2, 40};
  }
  begin(front_name);
  const auto fd = send(said);
  CHECK(unread() == said);
  CHECK(log.refused.empty());
  in_gate([](link_gate& self) { CHECK(self.acceptor->pending() == 0); });
}

TEST_CASE_FIXTURE(strangers_fixture,
                  "link strangers: a program that asks for no name is none of ours") {
  begin(front_name);
  test::raw_tls_peer peer{connect(), {}};
  peer.turn();
  node.settle();
  CHECK(log.strangers.size() == 1);
}

TEST_CASE_FIXTURE(strangers_fixture,
                  "link strangers: a hello that does not become whole goes in time") {
  auto said = hello_for(front_name);
  SUBCASE("half of it") {
    said.resize(said.size() / 2);
  }
  SUBCASE("three bytes") {
    said.resize(3);
  }
  begin(front_name);
  const auto fd = send(said);
  node.advance(1600ms);
  node.advance(3300ms);
  CHECK(log.strangers.empty());
  node.advance(300ms);
  CHECK(unread() == said);
  CHECK(log.refused.empty());
}

TEST_CASE_FIXTURE(strangers_fixture, "link strangers: silence goes after a second and a half") {
  begin(front_name);
  const auto fd = connect();
  node.settle();
  node.advance(1400ms);
  CHECK(log.strangers.empty());
  node.advance(200ms);
  CHECK(log.strangers.size() == 1);
}

TEST_CASE_FIXTURE(strangers_fixture,
                  "link strangers: a front's hello may come late, and in pieces") {
  const auto hello = hello_for(front_name);
  auto said = hello;
  SUBCASE("segments") {}
  SUBCASE("records") {
    constexpr std::size_t header = 5;
    const auto split = byte_view{hello}.subspan(header);
    said.clear();
    for (const auto part : {split.first(40), split.subspan(40)}) {
      append(said, bytes{22, 3, 1, static_cast<std::uint8_t>(part.size() >> 8),
                         static_cast<std::uint8_t>(part.size())});
      append(said, part);
    }
  }
  begin(front_name);
  const auto fd = connect();
  for (std::size_t sent = 0; sent < said.size(); sent += 100) {
    node.advance(200ms);
    const auto part = byte_view{said}.subspan(sent, std::min<std::size_t>(100, said.size() - sent));
    REQUIRE(::send(fd.get(), part.data(), part.size(), 0) == static_cast<ssize_t>(part.size()));
    node.settle();
  }
  CHECK(log.strangers.empty());
  // Our TLS has said something.
  bytes answer(1);
  CHECK(soon([&] { return ::recv(fd.get(), answer.data(), 1, MSG_PEEK) == 1; }));
}

TEST_CASE_FIXTURE(strangers_fixture, "link strangers: one whose place is needed goes to the site") {
  accept(back, {"front1"}, {.places = {.in_all = 2, .per_network = 2, .per_host = 2}});
  in_gate([](link_gate& self) { self.acceptor->forward_strangers(front_name); });
  std::vector<unique_fd> silent;
  for (int i = 0; i < 5; ++i) {
    silent.push_back(connect());
    node.settle();
  }
  CHECK(log.strangers.size() == 3);
  CHECK(log.refused.empty());
}

TEST_CASE_FIXTURE(strangers_fixture, "link strangers: a connection that is reset is nobody's") {
  begin(front_name);
  auto fd = connect();
  node.settle();
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  fd = {};
  REQUIRE(soon([&] { return !log.refused.empty(); }));
  CHECK(log.refused.front() == link_refusal::closed);
  CHECK(log.strangers.empty());
}

TEST_CASE_FIXTURE(strangers_fixture,
                  "link strangers: the end before a hello is the site's to answer") {
  begin(front_name);
  const auto fd = connect();
  node.settle();
  REQUIRE(::shutdown(fd.get(), SHUT_WR) == 0);
  node.settle();
  CHECK(unread().empty());
}

TEST_CASE_FIXTURE(strangers_fixture, "link strangers: none are given away unless that is wanted") {
  begin(std::nullopt);
  const auto fd = send(hello_for("other.example"));
  CHECK(log.strangers.empty());
  in_gate([](link_gate& self) { self.acceptor->forward_strangers(front_name); });
  const auto another = send(hello_for("other.example"));
  CHECK(log.strangers.size() == 1);
}

TEST_CASE_FIXTURE(strangers_fixture,
                  "link strangers: one whose hello was answered is refused as ever") {
  begin(front_name);
  const auto fd = send(hello_for(front_name));
  node.advance(5100ms);
  CHECK(log.strangers.empty());
  REQUIRE(log.refused.size() == 1);
  CHECK(log.refused.front() == link_refusal::timed_out);
}

}  // namespace
}  // namespace mtp::net
