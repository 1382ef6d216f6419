// A stranger at the port where a back waits for fronts sees a site, and fronts get in as ever.
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
  disguised_back() {
    back_options at_back;
    at_back.link = front_name + std::string{"fronting = \""} + site.where() + "\"\n";
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

TEST_CASE("split: a stranger's half-close and the site's end are passed on") {
  disguised_back world;
  auto visitor = world.connect();
  // No TLS: an alert, and the end.
  REQUIRE(visitor.send(of("GET / HTTP/1.1\r\n\r\n"), soon()));
  bytes answer(4096);
  const auto size = visitor.receive(answer, soon());
  REQUIRE(size);
  auto direct = net::blocking_socket::connect("127.0.0.1", world.site.port(), soon());
  REQUIRE(direct->send(of("GET / HTTP/1.1\r\n\r\n"), soon()));
  bytes expected(4096);
  expected.resize(direct->receive(expected, soon()).value());
  answer.resize(*size);
  CHECK(answer == expected);
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

TEST_CASE("split: too many strangers: the rest is closed, the idlest go, fronts get in") {
  disguised_back world;
  // An alert's header: the site waits for the rest.
  const bytes begin{21, 3, 1, 0, 50};
  std::vector<net::blocking_socket> visitors;
  const auto visit = [&](int count) {
    for (int i = 0; i < count; ++i) {
      visitors.push_back(world.connect());
      static_cast<void>(visitors.back().send(begin, soon()));
    }
  };
  const auto forwarded = [&] { return world.back().metric("link_forwarded_total"); };
  const auto visit_until = [&](std::size_t count) {
    return eventually(
        [&] {
          visit(10);
          return forwarded() >= static_cast<double>(count);
        },
        patience);
  };
  CHECK(visit_until(200));
  CHECK(world.back().wait_for_output("more than 50 strangers come per second, the rest is closed"));
  // A second brings 50 places, and the first ones have to go for the last.
  CHECK(visit_until(300));
  check_finished(visitors.front());
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
