// Our answers to clients with fake-TLS look like those of the cover site, which is measured for
// that. The site is OpenSSL's.
#include <fstream>
#include <set>

#include "codecs/client/cover_profile_text.hpp"
#include "codecs/client/server_flight_reader.hpp"
#include "tests/e2e/changing_proxy.hpp"
#include "tests/e2e/fronting_fixture.hpp"
#include "tests/support/delay_relay.hpp"
#include "tests/support/real_site.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const std::string good_rounds = R"(cover_measured_total{result="good"})";

/// What an observer sees of the answer to a hello.
struct seen_flight {
  std::size_t server_hello = 0;
  std::uint16_t suite = 0;
  std::uint16_t group = 0;
  std::vector<std::uint16_t> extensions;
  /// All records behind ServerHello and ChangeCipherSpec, with their headers.
  std::size_t rest = 0;
};

/// All that is sent for this hello until there is nothing for a while.
seen_flight flight_for(const proxy_under_test& proxy, const bytes& hello) {
  auto socket = proxy.connect();
  REQUIRE(socket.send(hello, soon()));
  bytes flight;
  bytes buffer(65536);
  while (const auto got = socket.receive(buffer, cover_site::clock::now() + 500ms)) {
    if (*got == 0) break;
    append(flight, byte_view{buffer}.first(*got));
  }
  constexpr std::size_t session_id_at = 44;
  server_flight_reader reader{byte_view{hello}.subspan(session_id_at, 32)};
  REQUIRE(reader.feed(flight));
  const auto observed = reader.finish();
  REQUIRE(observed.kind == flight_kind::tls13);
  seen_flight seen{.server_hello = std::size_t{flight.at(3)} << 8U | flight.at(4),
                   .suite = observed.suite,
                   .group = observed.group,
                   .extensions = {observed.extensions.begin(), observed.extensions.end()}};
  for (const auto size : observed.records)
    seen.rest += size + tls_record_header_size;
  return seen;
}

/// `times` answers of the site, through the proxy, and as many of ours.
void check_looks_alike(const proxy_under_test& proxy, int times = 8) {
  std::set<std::size_t> of_site;
  seen_flight site;
  for (int i = 0; i < times; ++i) {
    site = flight_for(proxy, foreign_hello());
    of_site.insert(site.rest);
  }
  for (int i = 0; i < times; ++i) {
    const auto ours = flight_for(proxy, hello_for(proxy.secret()));
    CHECK(ours.server_hello == site.server_hello);
    CHECK(ours.suite == site.suite);
    CHECK(ours.group == site.group);
    CHECK(ours.extensions == site.extensions);
    // An ECDSA signature has 70 to 72 bytes, and seldom fewer.
    CHECK(ours.rest + 3 >= *of_site.begin());
    CHECK(ours.rest <= *of_site.rbegin() + 3);
  }
}

struct measured {
  fake_telegram telegram{{.dcs = {2}}};
  real_site site;
  proxy_under_test proxy;

  explicit measured(const std::vector<std::string>& site_options = {})
      : site{site_program::openssl, {.arguments = site_options, .key = key_kind::p256}},
        proxy{{.config =
                   "domain_fronting = \"" + site.where() + "\"\ntls_domains = [\"example.com\"]\n",
               .telegram = &telegram}} {}

  /// A round takes 7 s, and longer where others work beside it.
  [[nodiscard]] bool is_measured() const {
    return eventually([&] { return proxy.metric(good_rounds) == 1; }, 4 * patience);
  }
};

TEST_CASE("cover profile: a client's handshake looks like the site's") {
  std::vector<std::string> options;
  SUBCASE("that follows its clients") {}
  SUBCASE("that prefers another suite") {
    options = {"-ciphersuites", "TLS_AES_256_GCM_SHA384"};
  }
  SUBCASE("that sends its certificates in small records") {
    options = {"-split_send_frag", "512", "-max_send_frag", "512"};
  }
  const measured world{options};
  REQUIRE(world.is_measured());
  CHECK(world.proxy.output().find("cover site example.com@" + world.site.where() +
                                  ": 15 answers, ") != std::string::npos);
  check_looks_alike(world.proxy);
  auto client = world.proxy.client(tls_protocol());
  check_echo(client);
}

TEST_CASE("cover profile: it outlives the proxy, killed at any moment, and the site") {
  measured world;
  auto& node = world.proxy.client_side();
  const auto directory = node.state() / "cover-profiles";
  for (int round = 0; round < 4; ++round) {
    // At another point of its first round each time.
    CHECK(eventually([&] { return !node.output().empty(); }, patience));
    std::this_thread::sleep_for(round * 150ms);
    node.kill();
    if (std::filesystem::exists(directory))
      for (const auto& entry : std::filesystem::directory_iterator{directory}) {
        if (entry.path().extension() == ".new") continue;
        std::ifstream in{entry.path()};
        CHECK(parse_cover_profile(std::string{std::istreambuf_iterator<char>{in}, {}}));
      }
    node.start();
  }
  REQUIRE(world.is_measured());
  const auto before = flight_for(world.proxy, hello_for(world.proxy.secret()));
  node.kill();
  world.site.stop();
  node.start();
  CHECK(node.wait_for_output("cover site example.com@"));
  const auto after = flight_for(world.proxy, hello_for(world.proxy.secret()));
  CHECK(after.server_hello == before.server_hello);
  CHECK(after.rest + 3 >= before.rest);
  CHECK(after.rest <= before.rest + 3);
}

TEST_CASE("cover profile: a site that is no good cover is named, with what to do") {
  const measured world{{"-tls1_2"}};
  CHECK(world.proxy.wait_for_metric(R"(cover_measured_total{result="flawed"})", 1));
  CHECK(world.proxy.output().find("cover site example.com@" + world.site.where() +
                                  " speaks no TLS 1.3") != std::string::npos);
  // A right hello is answered all the same.
  auto client = world.proxy.client(tls_protocol());
  check_echo(client);
}

TEST_CASE("cover profile: a site that can't be reached is told of, and clients are served") {
  const auto nobody = cover_site{}.where();
  const fake_telegram telegram{{.dcs = {2}}};
  const proxy_under_test proxy{
      {.config = "domain_fronting = \"" + nobody + "\"\n", .telegram = &telegram}};
  CHECK(proxy.wait_for_metric(R"(cover_measured_total{result="no_answer"})", 1));
  CHECK(proxy.wait_for_output("can't be measured: " + nobody + ": Connection refused"));
  auto client = proxy.client(tls_protocol());
  check_echo(client);
}

TEST_CASE("fronting: a site that is this proxy by another address is found, and not dialled") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  // What NAT does: an address elsewhere that leads here.
  const delay_relay nat{{.ip = ip_address::v4({127, 0, 0, 1}), .port = proxy->port()}, 0ms};
  proxy.change("domain_fronting", "\"127.0.0.1:" + std::to_string(nat.port()) + "\"");
  CHECK(proxy->wait_for_output("it leads back to this proxy"));
  CHECK(proxy->wait_for_metric(R"(cover_measured_total{result="leads_back"})", 1));
  auto visitor = proxy->connect();
  REQUIRE(visitor.send(foreign_hello(), soon()));
  check_reset(visitor);
  CHECK(proxy->wait_for_output("can't be reached: it leads back to this proxy"));
  auto client = proxy->client(tls_protocol());
  check_echo(client);
}

}  // namespace
}  // namespace mtp::test
