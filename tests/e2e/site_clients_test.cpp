// Programs of people who visit the cover site get through the proxy what they get from the site.
#include <fstream>
#include <regex>

#include "tests/e2e/fronted_site.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

/// Prints what Python's ssl sees of a server: arguments are port and ALPN.
constexpr auto python_client = R"(
import hashlib, socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.set_alpn_protocols(sys.argv[2].split(','))
link = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
tls = context.wrap_socket(link, server_hostname='example.com')
print(tls.version(), tls.cipher(), tls.selected_alpn_protocol(), tls.compression(),
      hashlib.sha256(tls.getpeercert(True)).hexdigest())
if tls.selected_alpn_protocol() != 'h2':
    tls.sendall(b'GET /index.html HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n')
    while data := tls.recv(65536):
        print(data)
)";

struct tool_result {
  int status = -1;
  std::string output;

  friend bool operator==(const tool_result&, const tool_result&) = default;
  friend std::ostream& operator<<(std::ostream& to, const tool_result& result) {
    return to << result.status << ": " << result.output;
  }
};

/// A command line for `sh`; PORT in it is replaced. The time of HTTP's Date is left out.
tool_result run_at(std::uint16_t port, const std::string& command) {
  static const std::regex place{"PORT"};
  static const std::regex date{"[Dd]ate: [^\r\n\\\\]*"};
  const temporary_directory directory;
  const auto line = std::regex_replace(command, place, std::to_string(port));
  process tool{"/bin/sh",
               {.arguments = {"-c", "exec < /dev/null; " + line},
                .environment = {"HOME=" + directory.path().string()},
                .output = directory.path() / "output"}};
  const auto status = tool.wait(60s);
  return {.status = status.value_or(-1),
          .output = std::regex_replace(tool.output(), date, "Date: *")};
}

/// Both get the same, and it has `expected` in it.
void check_same(const fronted_site& world, const std::string& command,
                const std::string& expected) {
  CAPTURE(command);
  const auto direct = run_at(world.site().port(), command);
  CHECK(direct.output.find(expected) != std::string::npos);
  CHECK(run_at(world.proxy().port(), command) == direct);
}

void check_curl(const fronted_site& world, site_program program) {
  if (const auto lack = missing_program("curl"); !lack.empty()) return skip(lack);
  const std::string curl = "curl -q -sS -k -i --noproxy '*' --max-time 30 ";
  const std::string there = "--connect-to example.com:443:127.0.0.1:PORT https://example.com/";
  check_same(world, curl + there + "index.html", "A site.");
  check_same(world, curl + "--http1.1 " + there + "index.html", "A site.");
  check_same(world, curl + "--tls-max 1.2 " + there + "index.html", "A site.");
  check_same(world, curl + there + "nothing.html", "");
  // By HTTP/2 curl fails now and then, without us, too: Caddy has answered before the body comes.
  // `openssl s_server` answers nothing at all.
  if (program != site_program::openssl)
    check_same(world, curl + "--http1.1 -d more " + there + "index.html", "HTTP/1.1 ");
  check_same(world, curl + "-H 'Host: example.com' http://127.0.0.1:PORT/", "");

  const auto size = std::size_t{50} * 1024 * 1024;
  const auto sent = random_packet(size);
  std::ofstream{world.site().root() / "large.bin", std::ios::binary}.write(
      reinterpret_cast<const char*>(sent.data()), static_cast<std::streamsize>(sent.size()));
  const auto got = world.site().root() / "received.bin";
  const auto done = run_at(world.proxy().port(), "curl -q -sS -k --noproxy '*' --max-time 60 -o " +
                                                     got.string() + ' ' + there + "large.bin");
  CAPTURE(done.output);
  CHECK(done.status == 0);
  std::ifstream in{got, std::ios::binary};
  const std::string received{std::istreambuf_iterator<char>{in}, {}};
  CHECK(received.size() == size);
  CHECK((received == as_text(sent)));
}

void check_openssl(const fronted_site& world) {
  if (const auto lack = missing_program("openssl"); !lack.empty()) return skip(lack);
  // What follows is other in every run: keys, and tickets that come before the end or do not. So is
  // the number of a thread in front of an error.
  const std::string handshake =
      " -showcerts 2>&1 | "
      "sed -n '/SSL-Session:/q; s/^[0-9A-F]*:error:/error:/; p; /Verify return code:/q'";
  for (const std::string how : {"-tls1_3 -alpn h2,http/1.1", "-tls1_2 -alpn h2,http/1.1",
                                "-tls1_3 -ciphersuites "
                                "TLS_CHACHA20_POLY1305_SHA256",
                                "-tls1_3 -groups P-384", "-tls1_1", ""})
    check_same(
        world,
        "openssl s_client -connect 127.0.0.1:PORT -servername example.com " + how + handshake,
        "CONNECTED");
}

void check_python(const fronted_site& world) {
  if (const auto lack = missing_program("python3"); !lack.empty()) return skip(lack);
  const temporary_directory directory;
  const auto script = directory.path() / "client.py";
  std::ofstream{script} << python_client;
  check_same(world, "python3 " + script.string() + " PORT h2,http/1.1", "TLSv1.3");
  check_same(world, "python3 " + script.string() + " PORT http/1.1", "A site.");
}

void check_chromium(const fronted_site& world) {
  if (const auto lack = missing_program("chromium"); !lack.empty()) return skip(lack);
  check_same(
      world,
      "chromium --headless --dump-dom --no-sandbox --disable-gpu --ignore-certificate-errors "
      "--disable-background-networking --disable-component-update --no-first-run "
      "--host-resolver-rules='MAP example.com 127.0.0.1, MAP * ~NOTFOUND' "
      "https://example.com:PORT/index.html 2> /dev/null",
      "A site.");
}

void check_clients(site_program program) {
  if (const auto lack = missing_program(std::string{name_of(program)}); !lack.empty())
    return skip(lack);
  const fronted_site world{program};
  check_curl(world, program);
  check_openssl(world);
  check_python(world);
  check_chromium(world);
}

TEST_CASE("visitors of the cover site: nginx" * doctest::test_suite("sites")) {
  check_clients(site_program::nginx);
}

TEST_CASE("visitors of the cover site: Caddy" * doctest::test_suite("sites")) {
  check_clients(site_program::caddy);
}

TEST_CASE("visitors of the cover site: OpenSSL" * doctest::test_suite("sites")) {
  check_clients(site_program::openssl);
}

TEST_CASE("visitors of the cover site: node" * doctest::test_suite("sites")) {
  check_clients(site_program::node);
}

}  // namespace
}  // namespace mtp::test
