#include "tests/e2e/test_node.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "codecs/base/text.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

net::proxy_client::clock::time_point soon() {
  return net::proxy_client::clock::now() + patience;
}

const std::vector<client_protocol>& all_protocols() {
  static const std::vector<client_protocol> all{{"mtp_abridged", framing::abridged, false},
                                                {"mtp_intermediate", framing::intermediate, false},
                                                {"mtp_secure", framing::padded, false},
                                                {"mtp_secure_fake_tls", framing::padded, true}};
  return all;
}

const client_protocol& abridged_protocol() {
  return all_protocols()[0];
}

const client_protocol& intermediate_protocol() {
  return all_protocols()[1];
}

const client_protocol& secure_protocol() {
  return all_protocols()[2];
}

const client_protocol& tls_protocol() {
  return all_protocols()[3];
}

bytes random_packet(std::size_t size) {
  bytes filled(size);
  net::fill_random(filled);
  // Not an unencrypted message, which starts with zeros.
  filled[0] |= 1;
  return filled;
}

// -- configuration ------------------------------------------------------------------------------

std::string telegram_lines(const fake_telegram& telegram, const std::string& list_url) {
  return "ip_lookup_services = []\n"
         // However slow the machine: the built-in list, and with it the real Telegram, is not used.
         "core_api_http_timeout_ms = 60000\n"
         "proxy_secret_url = \"" +
         telegram.secret_url() + "\"\nproxy_config_url = \"" +
         (list_url.empty() ? telegram.config_url() : list_url) + "\"\nproxy_config_v6_url = \"" +
         telegram.config_v6_url() + "\"\n";
}

std::string port_table(const std::string& listen_ip, std::uint16_t port, const secret16& secret) {
  return "[[ports]]\nname = \"test\"\nlisten_ip = \"" + listen_ip +
         "\"\nport = " + std::to_string(port) + "\nsecret = \"" + to_hex(secret) + "\"\n";
}

/// With MTP_E2E_SHOW in the environment, what a node printed is shown at its end.
test_node::~test_node() {
  if (std::getenv("MTP_E2E_SHOW") == nullptr || process_ == nullptr) return;
  process_.reset();
  for (int i = 1; i <= starts_; ++i)
    std::cout << directory_ / ("output" + std::to_string(i)) << ":\n"
              << std::ifstream{directory_ / ("output" + std::to_string(i))}.rdbuf();
}

test_node::test_node(std::filesystem::path directory, options how)
    : directory_{std::move(directory)}, how_{std::move(how)}, metrics_port_{free_port()} {
  std::filesystem::create_directories(directory_);
  write_config();
}

void test_node::write_config() const {
  std::ofstream{config_file()} << "state_dir = \"state\"\nlog_level = \"debug\"\nmetrics_port = "
                               << metrics_port_ << '\n'
                               << how_.config << '\n'
                               << how_.tables;
}

void test_node::configure(std::string config, std::string tables) {
  how_.config = std::move(config);
  how_.tables = std::move(tables);
  write_config();
}

std::string test_node::file() const {
  std::stringstream text;
  text << std::ifstream{config_file()}.rdbuf();
  return text.str();
}

void test_node::set_line(const std::string& key, const std::string& value) const {
  auto text = '\n' + file();
  const auto at = text.find('\n' + key + " = ");
  REQUIRE(at != std::string::npos);
  text.replace(at + 1, text.find('\n', at + 1) - at - 1, key + " = " + value);
  std::ofstream{config_file()} << text.substr(1);
}

reload_result test_node::reload() const {
  const temporary_directory place;
  process program{
      MTP_PROXY_BINARY,
      {.arguments = {"reload", "-c", config_file()}, .output = place.path() / "output"}};
  const auto status = program.wait(patience);
  return {.status = status.value_or(-1), .output = program.output()};
}

// -- process ------------------------------------------------------------------------------------

/// What MTP_E2E_EMULATOR in the environment says: a program's path and its arguments, to run the
/// proxy on a processor that is not ours.
std::vector<std::string> emulator_words() {
  const char* const text = std::getenv("MTP_E2E_EMULATOR");
  std::istringstream in{text != nullptr ? text : ""};
  return {std::istream_iterator<std::string>{in}, {}};
}

void test_node::launch() {
  process::options how{.arguments = {"run", "-c", config_file()},
                       .environment = how_.environment,
                       .output = directory_ / ("output" + std::to_string(++starts_)),
                       .max_open_files = how_.max_open_files,
                       .ends_with_parent = true,
                       .network = how_.network,
                       .before_program = how_.before_program};
  how.arguments.insert(how.arguments.end(), how_.arguments.begin(), how_.arguments.end());
  std::string program = how_.program.empty() ? MTP_PROXY_BINARY : how_.program;
  if (auto emulator = emulator_words(); !emulator.empty()) {
    emulator.push_back(program);
    program = emulator.front();
    how.arguments.insert(how.arguments.begin(), emulator.begin() + 1, emulator.end());
  }
  process_ = std::make_unique<process>(program, how);
}

void test_node::start() {
  launch();
  if (how_.when_up.empty()) return;
  const bool up = eventually(
      [&] { return !process_->running() || output().find(how_.when_up) != std::string::npos; },
      patience);
  INFO(output());
  REQUIRE((up && process_->running()));
}

void test_node::kill() {
  process_->signal(SIGKILL);
  REQUIRE(process_->wait(10s));
}

std::string test_node::output() const {
  return process_ != nullptr ? process_->output() : std::string{};
}

std::size_t test_node::count_in_output(std::string_view text) const {
  const auto all = output();
  std::size_t count = 0;
  for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1))
    ++count;
  return count;
}

bool test_node::wait_for_output(std::string_view text, std::chrono::milliseconds limit) const {
  return eventually([&] { return output().find(text) != std::string::npos; }, limit);
}

// -- metrics ------------------------------------------------------------------------------------

series_values test_node::metrics() const {
  auto socket = [&] {
    const network_visit there{how_.network};
    return net::blocking_socket::connect("127.0.0.1", metrics_port_, soon());
  }();
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
  series_values values;
  const auto body = text.find("\r\n\r\n");
  if (body == std::string::npos) return values;
  std::istringstream lines{text.substr(body)};
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == std::string::npos) continue;
    values[line.substr(0, space)] = std::atof(line.c_str() + space);
  }
  return values;
}

std::string protocol_error(const std::string& reason) {
  return "protocol_error_total{listener=\"test\",reason=\"" + reason + "\"}";
}

double value_of(const series_values& all, const std::string& series) {
  const auto at = all.find("mtproto_proxy_" + series);
  return at == all.end() ? 0 : at->second;
}

double sum_of(const series_values& all, const std::string& prefix) {
  double sum = 0;
  for (const auto& [name, value] : all)
    if (name.starts_with("mtproto_proxy_" + prefix)) sum += value;
  return sum;
}

double test_node::metric(const std::string& series) const {
  return value_of(metrics(), series);
}

bool test_node::wait_for_metric(const std::string& series, double value,
                                std::chrono::milliseconds limit) const {
  return eventually([&] { return metric(series) == value; }, limit);
}

// -- clients ------------------------------------------------------------------------------------

net::proxy_client make_client(net::blocking_socket socket, const client_protocol& how, dc_id dc,
                              const secret16& secret) {
  net::proxy_client client{
      std::move(socket),
      {.secret = secret,
       .kind = how.kind,
       .dc = dc,
       .tls_domain = how.tls ? std::optional<std::string>{"example.com"} : std::nullopt}};
  const auto done = client.handshake(soon());
  INFO((done ? std::string{} : done.error()));
  REQUIRE(done);
  return client;
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
