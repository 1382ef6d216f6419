#include "bench/servers.hpp"

#include <fstream>
#include <stdexcept>

#include "codecs/base/text.hpp"
#include "codecs/telegram/dc_list.hpp"
#include "net/http/http_get.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::bench {

namespace {

constexpr std::chrono::seconds patience{60};
constexpr dc_id measured_dc = 2;

/// The rest of the line behind `name = "`, up to the next quote.
std::string setting(const std::string& lines, const std::string& name) {
  const auto start = name + " = \"";
  const auto at = lines.find(start);
  if (at == std::string::npos) throw std::runtime_error{"the stand-in gave no " + name};
  const auto value = at + start.size();
  return lines.substr(value, lines.find('"', value) - value);
}

std::string fetch(const std::string& url) {
  const std::atomic<bool> cancelled{false};
  auto got = net::http_get({.url = url}, cancelled);
  if (!got) throw std::runtime_error{url + ": " + got.error()};
  return got->body;
}

void wait_for(test::process& program, const std::string& text) {
  const bool there = test::eventually(
      [&] { return !program.running() || program.output().find(text) != std::string::npos; },
      patience);
  if (!there || !program.running()) throw std::runtime_error{"no start:\n" + program.output()};
}

/// NAME.toml: `lines` and what every node has; its path.
std::string write_config(const std::filesystem::path& directory, const std::string& name,
                         const std::string& lines) {
  const auto path = directory / (name + ".toml");
  std::ofstream{path} << "state_dir = \"state-" << name << "\"\n" << lines;
  return path.string();
}

std::string telegram_lines(const stand_in& telegram) {
  return "ip_lookup_services = []\n"
         // However slow the machine: it never turns to the built-in list, and the real Telegram.
         "core_api_http_timeout_ms = 60000\n" +
         telegram.config_lines() + '\n';
}

std::string link_table(const net::tls_files& files) {
  return "\n[node_link]\ncertificate = \"" + files.certificate + "\"\nkey = \"" + files.key +
         "\"\nca = \"" + files.ca + "\"\n";
}

}  // namespace

stand_in::stand_in(const std::string& program, const std::filesystem::path& directory)
    : process_{program, {.output = directory / "stand-in", .ends_with_parent = true}} {
  wait_for(process_, "proxy_config_url");
  config_lines_ = process_.output();
  secret_ = to_hex(as_bytes(fetch(setting(config_lines_, "proxy_secret_url"))));
  const auto read = parse_dc_list(fetch(setting(config_lines_, "proxy_config_url")));
  if (!read) throw std::runtime_error{"the stand-in gave a broken list"};
  middle_proxy_ = read->list.endpoints.at(measured_dc).front();
}

const std::string& server::secret() {
  static const std::string all{"5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e"};
  return all;
}

// -- the floor, or a proxy in one process ---------------------------------------------------------

server::server(const server_kind& kind, const stand_in& telegram,
               const std::filesystem::path& directory)
    : directory_{directory}, port_{test::free_port()} {
  switch (kind.role) {
    case server_role::both:
      start_both(kind, telegram);
      break;
    case server_role::split:
      start_split(kind, telegram);
      break;
    case server_role::floor:
      start_floor(kind, telegram);
      break;
  }
}

std::vector<pid_t> server::pids() const {
  std::vector<pid_t> pids{process_->pid()};
  if (back_ != nullptr) pids.push_back(back_->pid());
  return pids;
}

std::unique_ptr<test::process> server::start(const server_kind& kind, const std::string& output,
                                             const std::vector<std::string>& arguments,
                                             const std::string& when_up) const {
  auto words = kind.wrapper;
  words.push_back(kind.program);
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto started = std::make_unique<test::process>(
      words.front(), test::process::options{.arguments = {words.begin() + 1, words.end()},
                                            .output = directory_ / (output + ".log"),
                                            .ends_with_parent = true});
  wait_for(*started, when_up);
  return started;
}

void server::start_floor(const server_kind& kind, const stand_in& telegram) {
  process_ = start(kind, "floor-" + std::to_string(port_),
                   {"--port", std::to_string(port_), "--secret", secret(), "--proxy-secret",
                    telegram.secret(), "--middle-proxy", to_string(telegram.middle_proxy())},
                   "ready");
}

std::string server::client_table() const {
  return "\n[[ports]]\nname = \"bench\"\nlisten_ip = \"127.0.0.1\"\nport = " +
         std::to_string(port_) + "\nsecret = \"" + secret() + "\"\n";
}

void server::start_both(const server_kind& kind, const stand_in& telegram) {
  const auto name = "proxy-" + std::to_string(port_);
  config_file_ =
      write_config(directory_, name, telegram_lines(telegram) + kind.config + client_table());
  process_ = start(kind, name, {"run", "-c", config_file_}, "configuration fetched");
}

// -- front and back -------------------------------------------------------------------------------

void server::start_split(const server_kind& kind, const stand_in& telegram) {
  const auto port = std::to_string(port_);
  const auto back = "back-" + port;
  const auto front = "front-" + port;
  const auto link = "127.0.0.1:" + std::to_string(test::free_port());
  const test::certificate_authority authority{directory_, "ca-" + port};
  const auto back_files = authority.issue(back, {.name = "back", .usage = test::key_usage::server});
  const auto front_files =
      authority.issue(front, {.name = "front", .usage = test::key_usage::client});

  const auto back_config = write_config(
      directory_, back,
      "node_role = \"back\"\nnode_name = \"back\"\n" + telegram_lines(telegram) + kind.config +
          link_table(back_files) + "listen = \"" + link + "\"\nallowed_nodes = [\"front\"]\n");
  back_ = start(kind, back, {"run", "-c", back_config}, "configuration fetched");

  config_file_ =
      write_config(directory_, front,
                   "node_role = \"front\"\nnode_name = \"front\"\nback_node = \"back@" + link +
                       "\"\n" + kind.config + link_table(front_files) + client_table());
  process_ = start(kind, front, {"run", "-c", config_file_}, ": connected (build");
}

}  // namespace mtp::bench
