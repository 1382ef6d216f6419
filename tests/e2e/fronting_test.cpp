// Connections that are not a client's, and the cover site that answers them.
#include <sys/socket.h>

#include "net/loop/socket_options.hpp"
#include "tests/e2e/fronting_fixture.hpp"
#include "tests/e2e/handshake_start.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

struct fronted {
  fake_telegram telegram{{.dcs = {2}}};
  cover_site site;
  proxy_under_test proxy;

  /// `more`: lines of the configuration beside the site.
  explicit fronted(const std::string& more = {}, const std::string& port_config = {})
      : proxy{
            {.config = "domain_fronting = \"" + site.where() + "\"\nmeasure_sites = false\n" + more,
             .port_config = port_config,
             .telegram = &telegram}} {}

  /// A connection that has sent this.
  net::blocking_socket visitor(byte_view data) const {
    auto socket = proxy.connect();
    REQUIRE(socket.send(data, soon()));
    return socket;
  }
  net::blocking_socket asked() const { return site.accept(soon()); }
  double count(const std::string& reason) const {
    return proxy.metric(R"(fronted_total{listener="test",reason=")" + reason + "\"}");
  }
  /// The site gets exactly `sent`, its answer comes back, and both may finish, in any order.
  void check_fronted(net::blocking_socket visitor, byte_view sent) const {
    auto at_site = asked();
    CHECK(receive(at_site, sent.size()) == to_bytes(sent));
    REQUIRE(at_site.send(as_bytes("answer"), soon()));
    CHECK(receive(visitor, 6) == of("answer"));
    REQUIRE(::shutdown(visitor.fd(), SHUT_WR) == 0);
    check_finished(at_site);
    REQUIRE(at_site.send(as_bytes("more"), soon()));
    CHECK(receive(visitor, 4) == of("more"));
    REQUIRE(::shutdown(at_site.fd(), SHUT_WR) == 0);
    check_finished(visitor);
  }
};

const std::string only_tls = "allowed_protocols = [\"mtp_fake_tls\"]\n";

TEST_CASE("domain_fronting_fixed_case") {
  const fronted world;
  const auto hello = foreign_hello();
  world.check_fronted(world.visitor(hello), hello);
  CHECK(world.count("tls_invalid_digest") == 1);
  CHECK(world.proxy.wait_for_metric(R"(fronted_bytes_total{listener="test",direction="to_site"})",
                                    static_cast<double>(hello.size())));
  // Clients are served beside it.
  auto client = world.proxy.client(tls_protocol());
  check_echo(client);
}

TEST_CASE("domain_fronting_off_case") {
  const fake_telegram telegram{{.dcs = {2}}};
  const cover_site site;
  proxy_under_test proxy{{.telegram = &telegram}};
  auto socket = proxy.connect();
  REQUIRE(socket.send(foreign_hello(), soon()));
  check_closed(socket);
  CHECK_FALSE(site.is_asked(cover_site::clock::now()));
}

TEST_CASE("domain_fronting_fragmented_case") {
  const fronted world;
  const auto hello = foreign_hello();
  auto visitor = world.visitor(byte_view{hello}.first(10));
  CHECK_FALSE(world.site.is_asked(cover_site::clock::now() + 50ms));
  REQUIRE(visitor.send(byte_view{hello}.subspan(10), soon()));
  world.check_fronted(std::move(visitor), hello);
}

TEST_CASE("domain_fronting_replay_case") {
  const fronted world;
  const auto hello = hello_for(world.proxy.secret());
  auto client = world.visitor(hello);
  CHECK(receive(client, 3) == bytes{22, 3, 3});
  CHECK_FALSE(world.site.is_asked(cover_site::clock::now()));
  SUBCASE("as it was") {
    world.check_fronted(world.visitor(hello), hello);
  }
  SUBCASE("in two pieces") {
    auto visitor = world.visitor(byte_view{hello}.first(10));
    REQUIRE(visitor.send(byte_view{hello}.subspan(10), soon()));
    world.check_fronted(std::move(visitor), hello);
  }
  CHECK(world.count("replay_session_detected") == 1);
}

TEST_CASE("fronting: whatever is no client's goes to the site as it came") {
  const fronted world{only_tls};
  bytes with_more = foreign_hello();
  append(with_more, as_bytes("more"));
  bytes early = hello_for(world.proxy.secret());
  append(early, as_bytes("early"));
  const std::vector<std::pair<std::string, bytes>> probes{
      {"a byte", of("x")},
      {"HTTP", of("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")},
      {"SSH", of("SSH-2.0-OpenSSH_9.2\r\n")},
      {"TLS 1.2 in the record", bytes{22, 3, 3, 0, 5, 1, 0, 0, 1, 0}},
      {"SSLv2", bytes{0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10}},
      {"an alert", bytes{21, 3, 1, 0, 2, 1, 0}},
      {"zeros", bytes(100, 0)},
      {"a hello with more behind it", with_more},
      {"a client's hello with more behind it", early},
      {"a record of another type inside", bytes{22, 3, 1, 0, 4, 2, 0, 0, 0}},
  };
  for (const auto& probe : probes) {
    CAPTURE(probe.first);
    world.check_fronted(world.visitor(probe.second), probe.second);
  }
}

TEST_CASE("fronting: a wrong or replayed header goes to the site as it came") {
  const fronted world;
  auto header = to_bytes(byte_view{net::random_array<64>()});
  header[0] = 0x10;
  world.check_fronted(world.visitor(header), header);
  CHECK(world.count("unknown_protocol") == 1);
  const auto used = start_of(world.proxy.secret(), framing::padded);
  CHECK(lets_in(world.proxy, used));
  world.check_fronted(world.visitor(used), used);
  CHECK(world.count("replay_session_detected") == 1);
}

TEST_CASE(
    "fronting: half a hello goes to the site after a while, and may still become a client's") {
  const fronted world{"fronting_silence_ms = 200\n"};
  const auto hello = hello_for(world.proxy.secret());
  auto visitor = world.visitor(byte_view{hello}.first(100));
  auto at_site = world.asked();
  CHECK(receive(at_site, 100) == to_bytes(byte_view{hello}.first(100)));
  SUBCASE("the rest comes before the site has spoken") {
    REQUIRE(visitor.send(byte_view{hello}.subspan(100), soon()));
    CHECK(receive(visitor, 3) == bytes{22, 3, 3});
    // It is told that there was nothing.
    bytes buffer(65536);
    while (const auto got = at_site.receive(buffer, soon()))
      if (*got == 0) break;
    CHECK(world.count("silence") == 0);
  }
  SUBCASE("the site speaks first") {
    REQUIRE(at_site.send(as_bytes("alert"), soon()));
    CHECK(receive(visitor, 5) == of("alert"));
    REQUIRE(visitor.send(byte_view{hello}.subspan(100), soon()));
    CHECK(receive(at_site, hello.size() - 100) == to_bytes(byte_view{hello}.subspan(100)));
    CHECK(world.count("silence") == 1);
  }
  SUBCASE("the visitor finishes") {
    REQUIRE(::shutdown(visitor.fd(), SHUT_WR) == 0);
    check_finished(at_site);
  }
}

TEST_CASE("fronting: a visitor that says nothing gets what the site does, when the site does it") {
  const fronted world{"fronting_silence_ms = 200\ninit_timeout_sec = 1\n"};
  auto visitor = world.proxy.connect();
  auto at_site = world.asked();
  // Our own time-out does not count.
  bytes buffer(1);
  CHECK_FALSE(visitor.receive(buffer, cover_site::clock::now() + 1500ms));
  SUBCASE("FIN") {
    REQUIRE(::shutdown(at_site.fd(), SHUT_WR) == 0);
    check_finished(visitor);
  }
  SUBCASE("RST") {
    net::set_reset_on_close(at_site.fd(), true);
    { const auto gone = std::move(at_site); }
    check_reset(visitor);
  }
}

TEST_CASE("fronting: resets are passed on, whatever reset_close_socket says") {
  std::string option;
  SUBCASE("off") {
    option = "reset_close_socket = \"off\"\n";
  }
  SUBCASE("always") {
    option = "reset_close_socket = \"always\"\n";
  }
  const fronted world{option};
  const auto hello = foreign_hello();
  auto first = world.visitor(hello);
  {
    auto at_site = world.asked();
    CHECK(receive(at_site, hello.size()) == hello);
    net::set_reset_on_close(at_site.fd(), true);
  }
  check_reset(first);
  auto second = world.visitor(foreign_hello());
  auto at_site = world.asked();
  CHECK(receive(at_site, hello.size()).size() == hello.size());
  {
    net::set_reset_on_close(second.fd(), true);
    const auto gone = std::move(second);
  }
  check_reset(at_site);
  world.check_fronted(world.visitor(hello), hello);
}

TEST_CASE("fronting: a site that is down looks like itself") {
  std::string down;
  SUBCASE("mirror") {
    down = "mirror";
  }
  SUBCASE("close") {
    down = "close";
  }
  SUBCASE("hold") {
    down = "hold";
  }
  const auto free_port = cover_site{}.port();
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "domain_fronting = \"127.0.0.1:" + std::to_string(free_port) +
                                    "\"\nfronting_down = \"" + down + "\"\n",
                          .telegram = &telegram}};
  auto visitor = proxy.connect();
  REQUIRE(visitor.send(foreign_hello(), soon()));
  if (down == "mirror") check_reset(visitor);
  if (down == "close") check_finished(visitor);
  CHECK(proxy.wait_for_output("the cover site can't be reached: 127.0.0.1:"));
  CHECK(
      proxy.wait_for_metric(R"(fronting_failed_total{listener="test",reason="econnrefused"})", 1));
  if (down == "hold") {
    bytes buffer(1);
    CHECK_FALSE(visitor.receive(buffer, cover_site::clock::now() + 100ms));
  }
}

TEST_CASE("fronting: names that are not in tls_domains are the site's, with the secret too") {
  const fronted world{"tls_domains = [\"example.com\"]\n"};
  auto client = world.visitor(hello_for(world.proxy.secret(), "Example.com"));
  CHECK(receive(client, 3) == bytes{22, 3, 3});
  const auto other = hello_for(world.proxy.secret(), "example.org");
  world.check_fronted(world.visitor(other), other);
  CHECK(world.count("tls_unknown_sni") == 1);
}

TEST_CASE("fronting: a client whose hello was answered gets an encrypted alert for what is wrong") {
  const fronted world;
  auto visitor = world.visitor(hello_for(world.proxy.secret()));
  // The whole flight has come when its last record has.
  bytes flight = receive(visitor, 5);
  append(flight, receive(visitor, load_be16(byte_view{flight}.subspan(3)) + 6 + 5));
  append(flight, receive(visitor, load_be16(byte_view{flight}.subspan(flight.size() - 2))));
  bytes wrong{23, 3, 3, 0, 64};
  append(wrong, net::random_array<64>());
  REQUIRE(visitor.send(wrong, soon()));
  const auto alert = receive(visitor, 24);
  CHECK(to_bytes(byte_view{alert}.first(5)) == bytes{23, 3, 3, 0, 19});
  check_finished(visitor);
  CHECK_FALSE(world.site.is_asked(cover_site::clock::now()));
}

TEST_CASE("fronting: above max_fronted the connection that was idle longest ends") {
  const fronted world{"max_fronted = 2\n"};
  const auto hello = foreign_hello();
  auto first = world.visitor(hello);
  auto first_at_site = world.asked();
  CHECK(receive(first_at_site, hello.size()) == hello);
  auto second = world.visitor(hello);
  auto second_at_site = world.asked();
  CHECK(receive(second_at_site, hello.size()) == hello);
  // To and fro, so that its relay takes several turns: it notes when a turn began, and does that
  // after the bytes have gone through.
  for (int i = 0; i < 5; ++i) {
    REQUIRE(first_at_site.send(as_bytes("x"), soon()));
    CHECK(receive(first, 1) == of("x"));
    REQUIRE(first.send(as_bytes("w"), soon()));
    CHECK(receive(first_at_site, 1) == of("w"));
  }
  auto third = world.visitor(hello);
  auto third_at_site = world.asked();
  check_finished(second);
  REQUIRE(first_at_site.send(as_bytes("y"), soon()));
  CHECK(receive(first, 1) == of("y"));
  REQUIRE(third_at_site.send(as_bytes("z"), soon()));
  CHECK(receive(third, 1) == of("z"));
}

TEST_CASE("fronting: the site is told of the visitor's address, if it wants to be") {
  const cover_site site;
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "domain_fronting = { to = \"" + site.where() +
                                    "\", proxy_protocol = \"v1\" }\nmeasure_sites = false\n",
                          .telegram = &telegram}};
  auto visitor = proxy.connect();
  const auto hello = foreign_hello();
  REQUIRE(visitor.send(hello, soon()));
  auto at_site = site.accept(soon());
  const auto line = "PROXY TCP4 127.0.0.1 127.0.0.1 " +
                    std::to_string(net::local_endpoint(visitor.fd()).port) + " " +
                    std::to_string(proxy.port()) + "\r\n";
  CHECK(receive(at_site, line.size()) == of(line));
  CHECK(receive(at_site, hello.size()) == hello);
}

TEST_CASE("fronting: a proxy in front tells of the visitor's address") {
  const cover_site site;
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "domain_fronting = { to = \"" + site.where() +
                                    "\", proxy_protocol = \"v1\" }\nmeasure_sites = false\n",
                          .port_config = "proxy_protocol_from = [\"127.0.0.0/8\"]\n",
                          .telegram = &telegram}};
  const std::string line = "PROXY TCP4 192.0.2.7 192.0.2.1 5678 443\r\n";
  SUBCASE("a visitor's") {
    auto visitor = proxy.connect();
    const auto hello = foreign_hello();
    REQUIRE(visitor.send(as_bytes(line.substr(0, 10)), soon()));
    auto rest = of(line.substr(10));
    append(rest, hello);
    REQUIRE(visitor.send(rest, soon()));
    auto at_site = site.accept(soon());
    CHECK(receive(at_site, line.size()) == of(line));
    CHECK(receive(at_site, hello.size()) == hello);
  }
  SUBCASE("a client's") {
    auto client = proxy.connect();
    auto said = of(line);
    append(said, hello_for(proxy.secret()));
    REQUIRE(client.send(said, soon()));
    CHECK(receive(client, 3) == bytes{22, 3, 3});
  }
  SUBCASE("not at all") {
    auto client = proxy.connect();
    REQUIRE(client.send(hello_for(proxy.secret()), soon()));
    check_closed(client);
    CHECK(proxy.metric(protocol_error("bad_proxy_header")) == 1);
  }
  SUBCASE("not in time") {
    auto client = proxy.connect();
    check_closed(client);
    CHECK(proxy.metric(protocol_error("bad_proxy_header")) == 1);
  }
}

}  // namespace
}  // namespace mtp::test
