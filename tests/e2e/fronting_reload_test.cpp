// A reload changes where connections are forwarded, and how.
#include <sys/socket.h>

#include "config/option_forms.hpp"
#include "tests/e2e/changing_proxy.hpp"
#include "tests/e2e/fronting_fixture.hpp"
#include "tests/support/silent_listener.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

using config::quoted;

struct world {
  fake_telegram telegram{{.dcs = {2}}};
  cover_site first;
  cover_site second;
  changing_proxy proxy{
      {.config = "domain_fronting = " + quoted(first.where()) + "\nmeasure_sites = false\n",
       .telegram = &telegram}};

  net::blocking_socket visitor(std::string_view name = "example.com") {
    auto socket = proxy->connect();
    REQUIRE(socket.send(foreign_hello(name), soon()));
    return socket;
  }
  /// A visitor that asks for this name gets to the site.
  void check_reaches(const cover_site& site, std::string_view name = "example.com") {
    const auto socket = visitor(name);
    CHECK(site.is_asked(soon()));
    static_cast<void>(site.accept(soon()));
  }
  double failed(const std::string& reason) {
    return proxy->metric(R"(fronting_failed_total{listener="test",reason=")" + reason + "\"}");
  }
};

TEST_CASE_FIXTURE(world, "reload effects: domain_fronting, fronting_default, fronting_sites") {
  auto client = proxy->client(tls_protocol());
  check_echo(client);
  auto stays = visitor();
  auto at_first = first.accept(soon());

  proxy.change("domain_fronting", quoted(second.where()));
  check_reaches(second);
  proxy.change("fronting_default", quoted(first.where()));
  check_reaches(first);
  proxy.change("fronting_sites", "{ \"*.example.com\" = " + quoted(second.where()) + " }");
  check_reaches(first);
  check_reaches(second, "www.example.com");
  proxy.change("domain_fronting", "\"off\"");
  auto closed = visitor("www.example.com");
  check_closed(closed);

  // A connection that was forwarded before still is.
  REQUIRE(at_first.send(as_bytes("answer"), soon()));
  CHECK(receive(stays, 6) == of("answer"));
  check_echo(client);
}

TEST_CASE_FIXTURE(world, "reload effects: fronting_names, fronting_open") {
  // No name may lead to loopback, which the name of this host does: so it can be told that it was
  // dialled.
  proxy.change({{"domain_fronting", "\"sni\""}, {"fronting_default", quoted(first.where())}});
  check_reaches(first, "localhost");
  CHECK(failed("eacces") == 0);
  proxy.change("fronting_names", "[\"localhost\"]");
  auto dialled = visitor("localhost");
  check_closed(dialled);
  CHECK(failed("eacces") == 1);
  CHECK(proxy->wait_for_output("this name may not lead to it"));
  proxy.change("fronting_names", "[]");
  check_reaches(first, "localhost");
  proxy.change("fronting_open", "true");
  auto open = visitor("localhost");
  check_closed(open);
  CHECK(failed("eacces") == 2);
}

TEST_CASE_FIXTURE(world, "reload effects: tls_domains, for all ports and for one") {
  const auto is_served = [&](std::string_view name) {
    auto socket = proxy->connect();
    REQUIRE(socket.send(hello_for(proxy->secret(), name), soon()));
    pollfd at{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    return eventually(
               [&] { return ::poll(&at, 1, 0) > 0 || first.is_asked(cover_site::clock::now()); },
               patience) &&
           (at.revents & POLLIN) != 0;
  };
  CHECK(is_served("example.org"));
  proxy.change("tls_domains", "[\"example.com\"]");
  CHECK(is_served("example.com"));
  CHECK_FALSE(is_served("example.org"));
  static_cast<void>(first.accept(soon()));
  proxy.change_port("tls_domains", "[\"example.org\"]");
  CHECK(is_served("example.org"));
  CHECK_FALSE(is_served("example.com"));
}

TEST_CASE_FIXTURE(world, "reload effects: fronting_silence_ms, fronting_idle_sec") {
  const auto half = to_bytes(byte_view{foreign_hello()}.first(100));
  auto patient = proxy->connect();
  REQUIRE(patient.send(half, soon()));
  CHECK_FALSE(first.is_asked(cover_site::clock::now() + 200ms));
  proxy.change("fronting_silence_ms", "100");
  auto silent = proxy->connect();
  REQUIRE(silent.send(half, soon()));
  auto at_site = first.accept(soon());
  CHECK(receive(at_site, half.size()) == half);
  REQUIRE(at_site.send(as_bytes("x"), soon()));
  CHECK(receive(silent, 1) == of("x"));
  proxy.change("fronting_idle_sec", "1");
  check_finished(silent);
  check_finished(at_site);
}

TEST_CASE_FIXTURE(world, "reload effects: max_fronted") {
  auto one = visitor();
  auto two = visitor();
  CHECK(proxy->wait_for_metric("fronted_connections", 2));
  proxy.change("max_fronted", "1");
  auto three = visitor();
  check_finished(one);
  CHECK(proxy->wait_for_metric("fronted_connections", 1));
}

TEST_CASE_FIXTURE(world, "reload effects: domain_fronting_timeout_sec, fronting_down") {
  const silent_listener site;
  proxy.change(
      {{"domain_fronting", quoted(to_string(site.where))}, {"domain_fronting_timeout_sec", "1"}});
  auto reset = visitor();
  check_reset(reset);
  CHECK(failed("etimedout") == 1);
  proxy.change("fronting_down", "\"close\"");
  auto closed = visitor();
  check_finished(closed);
  CHECK(failed("etimedout") == 2);
}

TEST_CASE_FIXTURE(world, "reload effects: listen_plain") {
  const auto number = free_port();
  proxy.change("listen_plain",
               "{ " + std::to_string(number) + " = " + quoted(second.where()) + " }");
  auto visitor = net::blocking_socket::connect("127.0.0.1", number, soon()).value();
  // The site may speak first.
  auto at_site = second.accept(soon());
  REQUIRE(at_site.send(as_bytes("220 hello"), soon()));
  CHECK(receive(visitor, 9) == of("220 hello"));
  REQUIRE(visitor.send(as_bytes("GET / HTTP/1.1\r\n\r\n"), soon()));
  CHECK(receive(at_site, 18) == of("GET / HTTP/1.1\r\n\r\n"));
  // Nobody is a client there, not even with a port's secret, or one of zeros.
  for (const auto& secret : {proxy->secret(), secret16{}}) {
    const auto hello = hello_for(secret);
    auto other = net::blocking_socket::connect("127.0.0.1", number, soon()).value();
    REQUIRE(other.send(hello, soon()));
    auto there = second.accept(soon());
    CHECK(receive(there, hello.size()) == hello);
  }
  const auto counted =
      R"(fronted_total{listener="plain_)" + std::to_string(number) + R"(",reason="plain_port"})";
  CHECK(proxy->metric(counted) == 3);
  auto client = proxy->client(tls_protocol());
  check_echo(client);
  proxy.change("listen_plain", "{}");
  CHECK_FALSE(net::blocking_socket::connect("127.0.0.1", number, soon()));
  REQUIRE(at_site.send(as_bytes("more"), soon()));
  CHECK(receive(visitor, 4) == of("more"));
}

TEST_CASE_FIXTURE(world, "reload effects: record_sizing") {
  // Of the records in which an echo of 60,000 bytes comes.
  const auto largest_record = [&] {
    auto client = proxy->client(tls_protocol());
    REQUIRE(client.send(random_packet(60'000), false, soon()));
    std::size_t largest = 0;
    for (std::size_t sum = 0; sum < 60'000;) {
      const auto header = receive(client.socket(), tls_record_header_size);
      const auto length = std::size_t{header[3]} << 8U | header[4];
      static_cast<void>(receive(client.socket(), length));
      largest = std::max(largest, length);
      sum += length;
    }
    return largest;
  };
  CHECK(largest_record() <= 4096);
  proxy.change("record_sizing", "\"off\"");
  CHECK(largest_record() > 16'384);
}

TEST_CASE_FIXTURE(world, "reload effects: measure_sites") {
  CHECK_FALSE(first.is_asked(cover_site::clock::now()));
  proxy.change("measure_sites", "true");
  auto probe = first.accept(soon());
  CHECK(receive(probe, 3) == bytes{22, 3, 1});
}

TEST_CASE_FIXTURE(world, "reload effects: proxy_protocol_from") {
  auto before = visitor();
  static_cast<void>(first.accept(soon()));
  proxy.change_port("proxy_protocol_from", "[\"127.0.0.1\"]");
  auto bare = visitor();
  check_closed(bare);
  auto with_header = proxy->connect();
  auto said = of("PROXY UNKNOWN\r\n");
  append(said, foreign_hello());
  REQUIRE(with_header.send(said, soon()));
  static_cast<void>(first.accept(soon()));
}

}  // namespace
}  // namespace mtp::test
