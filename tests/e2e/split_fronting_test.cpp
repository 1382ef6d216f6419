// A stranger at the port where a back waits for fronts sees a site, and fronts get in as ever.
#include <csignal>
#include <regex>

#include "tests/e2e/fronting_fixture.hpp"
#include "tests/e2e/split_nodes.hpp"
#include "tests/support/real_site.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

constexpr auto front_name = "sni = \"www.example.net\"\n";

/// What a program says at that port; PORT in its command line is replaced.
std::string output_at(std::uint16_t port, const std::string& command) {
  const auto line = std::regex_replace(command, std::regex{"PORT"}, std::to_string(port));
  const temporary_directory directory;
  process tool{
      "/bin/sh",
      {.arguments = {"-c", "exec < /dev/null; " + line}, .output = directory.path() / "output"}};
  REQUIRE(tool.wait(60s));
  return tool.output();
}

/// A back whose port answers as a site to all but its front.
class disguised_back {
 public:
  disguised_back() : disguised_back{{}} {}
  /// With another site.
  explicit disguised_back(const std::string& where) {
    back_options at_back;
    at_back.link =
        front_name + std::string{"fronting = \""} + (where.empty() ? site.where() : where) + "\"\n";
    back_ = &nodes.add_back("back", at_back);
    front_options at_front;
    at_front.link = front_name;
    front_ = &nodes.add_front("front", at_front);
    nodes.start_all();
  }

  [[nodiscard]] test_back& back() const { return *back_; }
  [[nodiscard]] test_front& front() const { return *front_; }
  /// Both programs say the same, and `expected` is in it.
  void check_same(const std::string& command, const std::string& expected) const {
    CAPTURE(command);
    const auto direct = output_at(site.port(), command);
    CHECK(direct.find(expected) != std::string::npos);
    CHECK(output_at(back_->port(), command) == direct);
  }
  [[nodiscard]] net::blocking_socket connect() const {
    auto socket = net::blocking_socket::connect("127.0.0.1", back_->port(), soon());
    REQUIRE(socket);
    return std::move(*socket);
  }
  void check_echo_now() {
    auto client = front_->client();
    check_echo(client);
  }

  const fake_telegram telegram{{.dcs = {2}}};
  real_site site{site_program::openssl};
  split_nodes nodes{telegram};

 private:
  test_back* back_ = nullptr;
  test_front* front_ = nullptr;
};

TEST_CASE("split: strangers at the back's port see the site of node_link.fronting") {
  disguised_back world;
  world.check_echo_now();
  world.check_same(
      "curl -sk --resolve example.com:PORT:127.0.0.1 https://example.com:PORT/"
      "index.html | sed s/PORT/port/",
      "");
  // Its certificate, with its own name and without any.
  for (const auto* const name : {"-servername example.com", "-noservername"})
    world.check_same("openssl s_client -connect 127.0.0.1:PORT " + std::string{name} +
                         " 2>&1 | grep -E 'subject|issuer|Cipher is|Verification'",
                     "example.com");
  world.check_same("openssl s_client -connect 127.0.0.1:PORT -tls1_1 2>&1 | grep -c alert", "1");
  CHECK(world.back().metric("link_forwarded_total") >= 4);
  world.check_echo_now();
  CHECK(world.front().count_in_output(": connected (build") == 1);
}

/// All that comes until the end, and how it ends.
std::string taken_from(net::blocking_socket& from) {
  std::string taken;
  bytes buffer(4096);
  while (true) {
    const auto size = from.receive(buffer, soon());
    if (!size) return taken + " and " + size.error();
    if (*size == 0) return taken + " and FIN";
    taken += as_text(byte_view{buffer}.first(*size));
  }
}

TEST_CASE("split: what a stranger says and how it ends reaches the site, and the other way") {
  disguised_back world;
  std::vector<bytes> said{of("GET / HTTP/1.1\r\n\r\n"), bytes{22, 3, 1, 0}, {}};
  for (const auto& opening : said) {
    auto direct = net::blocking_socket::connect("127.0.0.1", world.site.port(), soon());
    REQUIRE(direct);
    auto visitor = world.connect();
    for (auto* const socket : {&*direct, &visitor}) {
      if (!opening.empty()) REQUIRE(socket->send(opening, soon()));
      REQUIRE(::shutdown(socket->fd(), SHUT_WR) == 0);
    }
    CHECK(taken_from(visitor) == taken_from(*direct));
  }
}

TEST_CASE("split: a back stops while a stranger takes nothing of what the site sends") {
  const cover_site slow;
  disguised_back world{slow.where()};
  auto visitor = world.connect();
  const auto said = of("GET / HTTP/1.1\r\n\r\n");
  REQUIRE(visitor.send(said, soon()));
  auto at_site = slow.accept(soon());
  CHECK(receive(at_site, said.size()) == said);
  // Until nothing goes into the sockets and the pipe on the way any more.
  const bytes much(65536, 'x');
  while (at_site.send(much, std::chrono::steady_clock::now() + 500ms)) {
  }
  world.back().program().signal(SIGTERM);
  CHECK(world.back().program().wait(patience) == 0);
}

TEST_CASE("split: a stranger whose site is down sees a RST, and fronts get in") {
  disguised_back world;
  world.site.stop();
  auto visitor = world.connect();
  REQUIRE(visitor.send(of("GET / HTTP/1.1\r\n\r\n"), soon()));
  check_reset(visitor);
  CHECK(world.back().wait_for_output("node_link.fronting can't be reached: 127.0.0.1:"));
  CHECK(world.back().metric("link_forwarding_failed_total{reason=\"econnrefused\"}") == 1);
  world.check_echo_now();
}

TEST_CASE("split: too many strangers of an address: its own go, fronts get in") {
  const cover_site silent;
  disguised_back world{silent.where()};
  std::vector<net::blocking_socket> visitors;
  const auto visit = [&](int count) {
    for (int i = 0; i < count; ++i) {
      visitors.push_back(world.connect());
      static_cast<void>(visitors.back().send(of("hello"), soon()));
    }
  };
  const auto forwarded = [&] { return world.back().metric("link_forwarded_total"); };
  const auto visit_until = [&](double count) {
    return eventually(
        [&] {
          visit(10);
          return forwarded() >= count;
        },
        patience);
  };
  CHECK(visit_until(50));
  CHECK(eventually(
      [&] {
        visit(10);
        return world.back().count_in_output("an address makes more than 50 connections") > 0;
      },
      patience));
  // A second brings 50 more, and some of those before have to go.
  CHECK(visit_until(120));
  const auto ended = std::ranges::count_if(visitors, [](net::blocking_socket& visitor) {
    bytes buffer(1);
    const auto now = std::chrono::steady_clock::now();
    const auto got = visitor.receive(buffer, now);
    return got ? *got == 0 : got.error().find("reset") != std::string::npos;
  });
  CHECK(ended >= 50);
  world.check_echo_now();
}

TEST_CASE("split: reload effects: node_link.fronting, node_link.sni on a back") {
  disguised_back world;
  const auto subject = [&] {
    return output_at(world.back().port(),
                     "openssl s_client -connect 127.0.0.1:PORT -servername example.com 2>&1");
  };
  CHECK(subject().find("CN = example.com") != std::string::npos);
  world.back().set_line("fronting", "\"127.0.0.1:" + std::to_string(free_port()) + "\"");
  REQUIRE(world.back().reload().status == 0);
  CHECK(subject().find("CN = example.com") == std::string::npos);
  // The site's name is now the one that fronts ask for: our TLS answers.
  world.back().set_line("sni", "\"example.com\"");
  REQUIRE(world.back().reload().status == 0);
  CHECK(subject().find("CN = back") != std::string::npos);
}

}  // namespace
}  // namespace mtp::test
