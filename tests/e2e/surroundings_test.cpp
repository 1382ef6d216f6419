// What a process is started with, sent and read by: signals of scripts for other proxies, closed
// descriptors, a unit that forbids UNIX sockets, a log that nobody reads.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>

#include "net/loop/unique_fd.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

void check_service(const proxy_under_test& proxy) {
  auto client = proxy.client(secure_protocol());
  check_echo(client);
}

/// Of a proxy that prints nothing that could be seen.
void wait_until_served(const proxy_under_test& proxy) {
  REQUIRE(eventually(
      [&] { return net::blocking_socket::connect("127.0.0.1", proxy.port(), soon()).has_value(); },
      patience));
  check_service(proxy);
}

// -- signals ------------------------------------------------------------------------------------

TEST_CASE("signals that mean something to other proxies do not end this one") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto& node = proxy.telegram_side();
  auto client = proxy.client(secure_protocol());
  const auto fetching = "fetching Telegram's configuration anew";
  node.program().signal(SIGHUP);
  CHECK(node.wait_for_output(fetching));
  node.program().signal(SIGUSR2);
  CHECK(eventually([&] { return node.count_in_output(fetching) == 2; }, patience));
  node.program().signal(SIGUSR1);
  CHECK(node.wait_for_output("SIGUSR1: there is no log file to open anew"));
  for (const int number :
       {SIGQUIT, SIGALRM, SIGPIPE, SIGIO, SIGPROF, SIGVTALRM, SIGXFSZ, SIGPWR, SIGSTKFLT, SIGWINCH,
        SIGURG, SIGCHLD, SIGCONT, SIGRTMIN, SIGRTMIN + 3, SIGRTMAX})
    node.program().signal(number);
  // Handled after what came before it.
  node.program().signal(SIGHUP);
  CHECK(eventually([&] { return node.count_in_output(fetching) == 3; }, patience));
  check_echo(client);
  CHECK(node.program().running());
  proxy.signal(SIGTERM);
  CHECK(proxy.wait(10s) == 0);
}

// -- descriptors --------------------------------------------------------------------------------

TEST_CASE("descriptors 0 to 2 that were closed at the start are nobody else's") {
  if (left_out_when_split("its output is not seen")) return;
  std::vector<int> closed;
  SUBCASE("all") {
    closed = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  }
  SUBCASE("the input") {
    closed = {STDIN_FILENO};
  }
  SUBCASE("the log") {
    closed = {STDERR_FILENO};
  }
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.before_program =
                              [&closed] {
                                for (const int descriptor : closed)
                                  ::close(descriptor);
                              },
                          .telegram = &telegram,
                          .wait_until_up = false}};
  wait_until_served(proxy);
  const auto files = fs::path{"/proc"} / std::to_string(proxy.program().pid()) / "fd";
  for (const int descriptor : closed)
    CHECK(fs::read_symlink(files / std::to_string(descriptor)) == "/dev/null");
  proxy.signal(SIGTERM);
  CHECK(proxy.wait(10s) == 0);
}

TEST_CASE("other commands do their work without standard input and output, too") {
  const temporary_directory place;
  process program{MTP_PROXY_BINARY,
                  {.arguments = {"check-config", "-p", "443", "-s", std::string(32, 'a')},
                   .output = place.path() / "output",
                   .before_program = [] {
                     for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
                       ::close(descriptor);
                   }}};
  CHECK(program.wait(20s) == 0);
}

// -- families of sockets ------------------------------------------------------------------------

TEST_CASE("where UNIX sockets are forbidden there is no console, and all else works") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.before_program = [] { refuse_sockets(AF_UNIX); }, .telegram = &telegram}};
  check_service(proxy);
  CHECK(
      proxy.wait_for_output("no console: this process may not use UNIX sockets (does the unit's "
                            "RestrictAddressFamilies= leave out AF_UNIX?)"));
  CHECK(proxy.wait_for_metric("in_connection_total{listener=\"test\"}", 1));
  proxy.signal(SIGTERM);
  CHECK(proxy.wait(10s) == 0);
}

// -- output -------------------------------------------------------------------------------------

struct pipe_ends {
  net::unique_fd reader;
  net::unique_fd writer;
};

/// One that takes a page.
pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  REQUIRE(::fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
  return {net::unique_fd{ends[0]}, net::unique_fd{ends[1]}};
}

void fill(const pipe_ends& ends) {
  const std::string page(4096, 'x');
  REQUIRE(::write(ends.writer.get(), page.data(), page.size()) == 4096);
}

/// What comes until `text` has come, or the end.
std::string read_until(const pipe_ends& from, std::string_view text) {
  std::string received;
  std::array<char, 65536> buffer{};
  const auto deadline = soon();
  pollfd readable{.fd = from.reader.get(), .events = POLLIN, .revents = 0};
  while (received.find(text) == std::string::npos && net::proxy_client::clock::now() < deadline) {
    if (::poll(&readable, 1, 100) <= 0) continue;
    const auto size = ::read(from.reader.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    received.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return received;
}

/// A proxy that logs to a pipe, at debug.
struct piped_proxy {
  pipe_ends log = make_pipe();
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.before_program = [this] { ::dup2(log.writer.get(), STDERR_FILENO); },
                          .telegram = &telegram,
                          .wait_until_up = false}};

  piped_proxy() {
    log.writer = {};
    wait_until_served(proxy);
  }

  /// Two lines for each that comes, a multiple of what waits for a reader.
  void make_it_talk() const {
    constexpr int noisy_clients = 10'000;
    for (int i = 0; i < noisy_clients; ++i)
      static_cast<void>(proxy.connect().send(random_packet(64), soon()));
    CHECK(proxy.wait_for_metric_of_at_least("in_connection_closed_total{listener=\"test\"}",
                                            noisy_clients));
  }
};

TEST_CASE("a log that nobody reads stops nobody, and tells later how much of it is missing") {
  if (left_out_when_split("its output is not seen")) return;
  const piped_proxy piped;
  std::vector<net::proxy_client> clients;
  for (int i = 0; i < 300; ++i)
    clients.push_back(piped.proxy.client(secure_protocol()));
  piped.make_it_talk();
  for (auto& client : clients)
    check_echo(client);
  check_service(piped.proxy);

  const std::string missing = " lines of the log are missing here: nobody took them in time\n";
  const auto text = read_until(piped.log, missing);
  const auto at = text.find(missing);
  REQUIRE(at != std::string::npos);
  const auto number = text.rfind(' ', at - 1) + 1;
  CHECK(std::stoi(text.substr(number, at - number)) > 1000);
  CHECK(text.find(" warning " + text.substr(number, at - number) + missing) != std::string::npos);
  // What came first is in front of it, what came last behind.
  CHECK(text.find("listening on") < at);
  piped.proxy.signal(SIGTERM);
  CHECK(read_until(piped.log, " info stopped\n").ends_with(" info stopped\n"));
  CHECK(piped.proxy.wait(5s) == 0);
}

TEST_CASE("the process ends in time though nobody reads its log, and with the right status") {
  if (left_out_when_split("its output is not seen")) return;
  const piped_proxy piped;
  piped.make_it_talk();
  piped.proxy.signal(SIGTERM);
  CHECK(piped.proxy.wait(4s) == 0);
}

TEST_CASE("a reader of the log that is gone does no harm") {
  if (left_out_when_split("its output is not seen")) return;
  piped_proxy piped;
  piped.log.reader = {};
  piped.make_it_talk();
  check_service(piped.proxy);
  piped.proxy.signal(SIGTERM);
  CHECK(piped.proxy.wait(4s) == 0);
}

TEST_CASE("links that nobody reads stop neither service nor log") {
  if (left_out_when_split("its output is not seen")) return;
  const auto links = make_pipe();
  fill(links);
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.before_program = [&links] { ::dup2(links.writer.get(), STDOUT_FILENO); },
                          .telegram = &telegram}};
  check_service(proxy);
  proxy.signal(SIGTERM);
  CHECK(proxy.wait_for_output(" info stopped\n"));
  CHECK(proxy.wait(4s) == 0);
}

TEST_CASE("what ends the process at its start is logged before it ends") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test first{{.telegram = &telegram}};
  const temporary_directory place;
  for (int i = 0; i < 20; ++i) {
    process second{MTP_PROXY_BINARY,
                   {.arguments = {"-p", std::to_string(first.port()), "-s", std::string(32, 'a')},
                    .output = place.path() / std::to_string(i)}};
    CHECK(second.wait(20s) == 1);
    CHECK(second.output().find("critical mtproto_proxy: 0.0.0.0:") != std::string::npos);
  }
}

}  // namespace
}  // namespace mtp::test
