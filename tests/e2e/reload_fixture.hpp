// A proxy whose configuration changes while it runs.
#pragma once

#include <fstream>

#include "net/loop/entropy.hpp"
#include "net/loop/unix_listener.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// One port, called "test".
struct reloaded {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy;
  std::string first = node().file();

  explicit reloaded(std::string config = {})
      : proxy{{.config = std::move(config), .telegram = &telegram}} {
    const auto console = (node().state() / "console.sock").string();
    REQUIRE(eventually([&] { return net::connect_unix(console).has_value(); }, patience));
  }

  test_node& node() const { return proxy.client_side(); }
  void write(const std::string& text) const { std::ofstream{node().config_file()} << text; }
  /// The first file, with lines in front of its ports and tables behind them.
  void write_with(const std::string& lines, const std::string& tables = {}) const {
    write(lines + first + tables);
  }
  reload_result reload() const { return node().reload(); }
  /// A client of another port, or with another secret.
  net::proxy_client client_at(std::uint16_t port, const secret16& secret,
                              const client_protocol& how = secure_protocol()) const {
    auto socket = net::blocking_socket::connect("127.0.0.1", port, soon());
    REQUIRE(socket);
    return make_client(std::move(*socket), how, 2, secret);
  }
};

/// Of a port on loopback.
inline std::string table_of(const std::string& name, std::uint16_t port, const secret16& secret) {
  auto table = port_table("127.0.0.1", port, secret);
  return "\n" + table.replace(table.find("test"), 4, name);
}

}  // namespace mtp::test
