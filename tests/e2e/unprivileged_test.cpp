// What a service user meets and root does not: ports, rights and quotas. Run as root these are left
// out; the test e2e_unprivileged runs them, and others, as a user without any rights.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "net/loop/socket_options.hpp"
#include "net/loop/unique_fd.hpp"
#include "tests/e2e/harness.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const bool is_root = ::geteuid() == 0;

/// From where on ports are for everybody.
int first_free_port() {
  std::ifstream in{"/proc/sys/net/ipv4/ip_unprivileged_port_start"};
  int port = 1024;
  in >> port;
  return port;
}

TEST_CASE("unprivileged: a port that only root may have is refused with its reason" *
          doctest::skip(is_root)) {
  constexpr int low_port = 443;
  if (first_free_port() <= low_port) return skip("ports below 1024 are for everybody here");
  const temporary_directory place;
  process proxy{MTP_PROXY_BINARY,
                {.arguments = {"-p", std::to_string(low_port), "-s", std::string(32, 'a')},
                 .output = place.path() / "out"}};
  CHECK(proxy.wait(20s) == 1);
  CHECK(proxy.output().find(":443: no permission; ports below 1024 need root or "
                            "CAP_NET_BIND_SERVICE") != std::string::npos);
}

TEST_CASE("unprivileged: a state_dir that may not be written costs what is stored there" *
          doctest::skip(is_root)) {
  const fake_telegram telegram{{.dcs = {2}}};
  const temporary_directory place;
  const auto port = free_port();
  const secret16 secret{7};
  test_node proxy{place.path(),
                  {.config = telegram_lines(telegram),
                   .tables = port_table("127.0.0.1", port, secret),
                   .arguments = {},
                   .environment = {},
                   .max_open_files = std::nullopt,
                   .before_program = {},
                   .when_up = "listening on"}};
  REQUIRE(::mkdir(proxy.state().c_str(), S_IRUSR | S_IXUSR) == 0);
  proxy.start();
  CHECK(proxy.wait_for_output("no console: can't open "));
  CHECK(proxy.wait_for_output("Permission denied"));
  CHECK(
      proxy.wait_for_output("seen-handshakes: Permission denied; handshakes are remembered in "
                            "memory only, until it can be written"));
  auto socket = net::blocking_socket::connect("127.0.0.1", port, soon());
  REQUIRE(socket);
  auto client = make_client(std::move(*socket), secure_protocol(), 2, secret);
  check_echo(client);
  CHECK(std::filesystem::is_empty(proxy.state()));
}

/// Pipes of a page each, as many as the kernel lets a user have with room for more.
std::vector<net::unique_fd> use_up_pipes() {
  std::vector<net::unique_fd> held;
  constexpr std::size_t enough = 4096;
  while (held.size() < enough) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) break;
    held.emplace_back(ends[0]);
    held.emplace_back(ends[1]);
    // What a user over the quota gets (pipe(7), pipe-user-pages-soft).
    if (::fcntl(ends[1], F_GETPIPE_SZ) < 16 * 4096) return held;
  }
  return {};
}

TEST_CASE("unprivileged: a user whose pipes are used up is served, and so is the log" *
          doctest::skip(is_root)) {
  net::raise_open_files_limit();
  const auto held = use_up_pipes();
  if (held.empty()) return skip("no limit of pipes, or too few open files to reach it");
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  proxy.signal(SIGTERM);
  CHECK(proxy.wait(10s) == 0);
  CHECK(proxy.output().find(" info stopped\n") != std::string::npos);
}

}  // namespace
}  // namespace mtp::test
