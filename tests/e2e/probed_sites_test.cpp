// With the proxy in front of it, a real site looks to a censor's prober as it does without.
#include <thread>

#include "net/loop/socket_options.hpp"
#include "tests/e2e/fronted_site.hpp"
#include "tests/e2e/probes.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

struct probing {
  /// Sites, with a proxy each, that share the work.
  std::size_t sites = 1;
  /// Connections that a site serves at a time.
  std::size_t at_once = 32;
  /// So long it says nothing before it counts as silent; longer than `fronting_silence_ms`.
  std::chrono::milliseconds quiet = 1500ms;
};

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines)
    all += line + '\n';
  return all;
}

/// Median and 90th percentile of the time to the first byte.
std::string pace_of(const std::vector<observation>& all) {
  std::vector<double> times;
  for (const auto& seen : all)
    if (seen.first_byte) times.push_back(seen.first_byte->count());
  if (times.empty()) return "nothing came";
  std::ranges::sort(times);
  const auto at = [&](std::size_t percent) {
    const auto tenths = std::llround(times[(times.size() - 1) * percent / 100] * 10);
    return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10);
  };
  std::string deciles;
  for (std::size_t percent = 10; percent <= 90; percent += 10)
    deciles += ' ' + at(percent);
  return "deciles in ms:" + deciles;
}

void check_indistinguishable(site_program program, const probing& how) {
  const std::string name{name_of(program)};
  if (const auto lack = missing_program(name); !lack.empty()) return skip(lack);
  std::vector<std::unique_ptr<fronted_site>> worlds;
  std::vector<std::uint16_t> site_ports;
  std::vector<std::uint16_t> proxy_ports;
  std::vector<std::vector<probe>> probes_of;
  for (std::size_t i = 0; i < how.sites; ++i) {
    const auto& world = *worlds.emplace_back(std::make_unique<fronted_site>(program));
    site_ports.push_back(world.site().port());
    proxy_ports.push_back(world.proxy().port());
    probes_of.push_back(make_probes(world.proxy().secret(), world.used_hello()));
  }
  // Each with the secret of its proxy.
  auto probes = std::move(probes_of.front());
  for (std::size_t i = 0; i < probes.size(); ++i)
    if (i % how.sites != 0) probes[i] = std::move(probes_of[i % how.sites][i]);
  CHECK(probes.size() >= 40);

  const auto direct = run_probes(probes, site_ports, how.at_once, how.quiet);
  const auto through = run_probes(probes, proxy_ports, how.at_once, how.quiet);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    CAPTURE(name);
    CAPTURE(probes[i].name);
    CHECK(joined_lines(through[i].events) == joined_lines(direct[i].events));
  }
  MESSAGE(name, ", ", probes.size(), " probes, first byte without us, ", pace_of(direct));
  MESSAGE(name, ", ", probes.size(), " probes, first byte through us, ", pace_of(through));
}

TEST_CASE("a censor's prober tells answers apart") {
  CHECK(describe_received(bytes{21, 3, 3, 0, 2, 2, 40, 22, 3, 3, 0, 9, 1}) ==
        std::vector<std::string>{"record 150303 2 alert 2 40", "record 160303 9 cut at 1"});
  CHECK(describe_received(of("HTTP/1.1 200 OK\r\nDate: now\r\n\r\n\x01")) ==
        std::vector<std::string>{"HTTP/1.1 200 OK\\x0d\nDate: *\\x0d\n\\x0d\n\\x01"});
}

TEST_CASE("a censor's prober tells ends apart") {
  const cover_site site;
  const std::vector<std::uint16_t> ports{site.port()};
  const std::vector<probe> probes{{.name = "a question", .steps = {send_bytes{of("?")}}}};
  std::vector<std::string> expected;
  // Before it lets go of the connection, if it does.
  std::function<void(int)> last = [](int) {};
  bool stays = false;
  SUBCASE("open") {
    expected = {"!", "open"};
    stays = true;
  }
  SUBCASE("RST") {
    expected = {"!", "RST"};
    last = [](int fd) { net::set_reset_on_close(fd, true); };
  }
  SUBCASE("FIN of a site that has gone") {
    expected = {"!", "FIN", "RST"};
  }
  SUBCASE("FIN of a site that still reads") {
    expected = {"!", "FIN", "takes more"};
    last = [](int fd) { ::shutdown(fd, SHUT_WR); };
    stays = true;
  }
  std::optional<net::blocking_socket> kept;
  std::thread server{[&] {
    auto socket = site.accept(soon());
    CHECK(receive(socket, 1) == of("?"));
    CHECK(socket.send(as_bytes("!"), soon()).has_value());
    last(socket.fd());
    if (stays) kept.emplace(std::move(socket));
  }};
  const auto seen = run_probes(probes, ports, 1, 300ms);
  server.join();
  CHECK(joined_lines(seen.front().events) == joined_lines(expected));
}

TEST_CASE("a censor's probes: nginx looks the same through the proxy" *
          doctest::test_suite("sites")) {
  check_indistinguishable(site_program::nginx, {});
}

TEST_CASE("a censor's probes: Caddy looks the same through the proxy" *
          doctest::test_suite("sites")) {
  check_indistinguishable(site_program::caddy, {});
}

TEST_CASE("a censor's probes: OpenSSL looks the same through the proxy" *
          doctest::test_suite("sites")) {
  // It serves one connection after the other.
  check_indistinguishable(site_program::openssl, {.sites = 8, .at_once = 1, .quiet = 700ms});
}

TEST_CASE("a censor's probes: node looks the same through the proxy" *
          doctest::test_suite("sites")) {
  check_indistinguishable(site_program::node, {});
}

}  // namespace
}  // namespace mtp::test
