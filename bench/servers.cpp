#include "bench/servers.hpp"

#include <fstream>
#include <stdexcept>

#include "codecs/dc_list.hpp"
#include "codecs/text.hpp"
#include "net/http_get.hpp"

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
  auto body = net::http_get({.url = url}, cancelled);
  if (!body) throw std::runtime_error{url + ": " + body.error()};
  return *body;
}

std::string write_config(const std::filesystem::path& directory, const stand_in& telegram,
                         std::uint16_t port, const std::string& more) {
  const auto path = directory / ("proxy-" + std::to_string(port) + ".toml");
  std::ofstream config{path};
  config << "state_dir = \"state-" << port << "\"\n"
         << "ip_lookup_services = []\n"
         // However slow the machine: it never turns to the built-in list, and the real Telegram.
         << "core_api_http_timeout_ms = 60000\n"
         << more << telegram.config_lines()
         << "\n[[ports]]\nname = \"bench\"\nlisten_ip = \"127.0.0.1\"\n"
         << "port = " << port << "\nsecret = \"" << server::secret() << "\"\n";
  return path.string();
}

void wait_for(test::process& program, const std::string& text) {
  const bool there = test::eventually(
      [&] { return !program.running() || program.output().find(text) != std::string::npos; },
      patience);
  if (!there || !program.running()) throw std::runtime_error{"no start:\n" + program.output()};
}

}  // namespace

stand_in::stand_in(const std::string& program, const std::filesystem::path& directory)
    : process_{program, {.output = directory / "stand-in", .ends_with_parent = true}} {
  wait_for(process_, "proxy_config_url");
  config_lines_ = process_.output();
  secret_ = to_hex(as_bytes(fetch(setting(config_lines_, "proxy_secret_url"))));
  const auto list = parse_dc_list(fetch(setting(config_lines_, "proxy_config_url")));
  if (!list) throw std::runtime_error{"the stand-in gave a broken list"};
  middle_proxy_ = list->endpoints.at(measured_dc).front();
}

const std::string& server::secret() {
  static const std::string all{"5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e"};
  return all;
}

server::server(const server_kind& kind, const stand_in& telegram,
               const std::filesystem::path& directory)
    : port_{test::free_port()} {
  auto words = kind.wrapper;
  words.push_back(kind.program);
  const auto port = std::to_string(port_);
  if (kind.is_floor)
    words.insert(words.end(),
                 {"--port", port, "--secret", secret(), "--proxy-secret", telegram.secret(),
                  "--middle-proxy", to_string(telegram.middle_proxy())});
  else
    words.insert(words.end(), {"run", "-c", write_config(directory, telegram, port_, kind.config)});
  process_ = std::make_unique<test::process>(
      words.front(), test::process::options{.arguments = {words.begin() + 1, words.end()},
                                            .output = directory / ("server-" + port),
                                            .ends_with_parent = true});
  wait_for(*process_, kind.is_floor ? "ready" : "configuration fetched");
}

}  // namespace mtp::bench
