#include "tests/e2e/harness.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "codecs/text.hpp"
#include "net/entropy.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

net::proxy_client::clock::time_point soon() {
  return net::proxy_client::clock::now() + patience;
}

const std::vector<client_protocol>& all_protocols() {
  static const std::vector<client_protocol> all{
      {"mtp_abridged", transport::abridged, false},
      {"mtp_intermediate", transport::intermediate, false},
      {"mtp_secure", transport::padded, false},
      {"mtp_secure_fake_tls", transport::padded, true}};
  return all;
}

bytes random_packet(std::size_t size) {
  bytes out(size);
  net::fill_random(out);
  // Not an unencrypted message, which starts with zeros.
  out[0] |= 1;
  return out;
}

proxy_under_test::proxy_under_test(options how)
    : how_{std::move(how)},
      secret_{net::random_array<16>()},
      port_{free_port(how_.listen_ip == "::1")},
      metrics_port_{free_port()} {
  REQUIRE(how_.telegram != nullptr);
  const auto& telegram = *how_.telegram;
  const auto list_url = how_.only_v6_list ? telegram.config_v6_url() : telegram.config_url();
  std::ofstream config{directory_.path() / "proxy.toml"};
  config << "state_dir = \"state\"\n"
         << "ip_lookup_services = []\n"
         << "log_level = \"debug\"\n"
         // However slow the machine: nobody turns to the built-in list, and the real Telegram.
         << "core_api_http_timeout_ms = 60000\n"
         << "metrics_port = " << metrics_port_ << '\n'
         << "proxy_secret_url = \"" << telegram.secret_url() << "\"\n"
         << "proxy_config_url = \"" << list_url << "\"\n"
         << "proxy_config_v6_url = \"" << telegram.config_v6_url() << "\"\n"
         << how_.config << "\n[[ports]]\nname = \"test\"\nlisten_ip = \"" << how_.listen_ip
         << "\"\nport = " << port_ << "\nsecret = \"" << to_hex(secret_) << "\"\n"
         << how_.port_config << '\n';
  config.close();
  start();
}

void proxy_under_test::start() {
  process::options how{.arguments = {"run", "-c", (directory_.path() / "proxy.toml").string()},
                       .output = directory_.path() / ("output" + std::to_string(++starts_)),
                       .max_open_files = how_.max_open_files};
  if (std::getenv("MTP_E2E_LINK_AGENTS") != nullptr) how.arguments.emplace_back("--link-agents");
  process_ = std::make_unique<process>(MTP_PROXY_BINARY, how);
  if (!how_.wait_until_up) return;
  const bool up = eventually(
      [&] {
        return !process_->running() || process_->output().find("listening on") != std::string::npos;
      },
      patience);
  INFO(process_->output());
  REQUIRE((up && process_->running()));
}

net::blocking_socket proxy_under_test::connect() const {
  auto socket = net::blocking_socket::connect(how_.listen_ip, port_, soon());
  REQUIRE(socket);
  return std::move(*socket);
}

net::proxy_client proxy_under_test::client_with_secret(const client_protocol& how, dc_id dc,
                                                       const secret16& secret) const {
  net::proxy_client out{
      connect(),
      {.secret = secret,
       .kind = how.kind,
       .dc = dc,
       .tls_domain = how.tls ? std::optional<std::string>{"example.com"} : std::nullopt}};
  const auto done = out.handshake(soon());
  INFO((done ? std::string{} : done.error()));
  REQUIRE(done);
  return out;
}

net::proxy_client proxy_under_test::client(const client_protocol& how, dc_id dc) const {
  return client_with_secret(how, dc, secret_);
}

std::map<std::string, double> proxy_under_test::metrics() const {
  auto socket = net::blocking_socket::connect("127.0.0.1", metrics_port_, soon());
  if (!socket) return {};
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  static_cast<void>(socket->send(as_bytes(request), soon()));
  std::string text;
  bytes buffer(65536);
  while (true) {
    const auto got = socket->receive(buffer, soon());
    if (!got || *got == 0) break;
    text += as_text(byte_view{buffer}.first(*got));
  }
  std::map<std::string, double> out;
  std::istringstream lines{text.substr(text.find("\r\n\r\n"))};
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == std::string::npos) continue;
    out[line.substr(0, space)] = std::atof(line.c_str() + space);
  }
  return out;
}

double proxy_under_test::metric(const std::string& series) const {
  const auto all = metrics();
  const auto at = all.find("mtproto_proxy_" + series);
  return at == all.end() ? 0 : at->second;
}

bool proxy_under_test::wait_for_metric(const std::string& series, double value) const {
  return eventually([&] { return metric(series) == value; }, patience);
}

bool proxy_under_test::wait_for_metric_of_at_least(const std::string& series, double value) const {
  return eventually([&] { return metric(series) >= value; }, patience);
}

void check_echo(net::proxy_client& client, std::size_t size) {
  const auto packet = random_packet(size);
  REQUIRE(client.send(packet, false, soon()));
  const auto got = client.receive(soon());
  INFO((got ? std::string{} : got.error()));
  REQUIRE(got);
  // A padded transport may leave up to 3 words behind the packet; ours does not.
  CHECK(got->packet == packet);
}

void check_closed(net::proxy_client& client) {
  const auto got = client.receive(soon());
  REQUIRE_FALSE(got);
  const bool closed = got.error() == "closed" || got.error() == "Connection reset by peer";
  INFO(got.error());
  CHECK(closed);
}

void check_closed(net::blocking_socket& socket) {
  bytes buffer(65536);
  const auto got = socket.receive(buffer, soon());
  const bool closed = got ? *got == 0 : got.error() == "Connection reset by peer";
  INFO((got ? std::to_string(*got) : got.error()));
  CHECK(closed);
}

}  // namespace mtp::test
