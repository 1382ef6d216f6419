// A running proxy whose options change.
#pragma once

#include <fstream>

#include "net/loop/unix_listener.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {

/// An option at the top of the file, and its new value as TOML.
struct changed_option {
  std::string key;
  std::string value;
};

class changing_proxy {
 public:
  /// Waits until it can be asked to reload.
  explicit changing_proxy(proxy_under_test::options how) : proxy_{std::move(how)} {
    for (const auto* const node : proxy_.nodes()) {
      const auto console = (node->state() / "console.sock").string();
      REQUIRE(eventually([&] { return net::connect_unix(console).has_value(); }, patience));
    }
  }

  [[nodiscard]] proxy_under_test& operator*() { return proxy_; }
  [[nodiscard]] proxy_under_test* operator->() { return &proxy_; }

  /// Gives options new values on all nodes, and has these reload.
  void change(const std::vector<changed_option>& options) {
    for (auto* const node : proxy_.nodes()) {
      auto text = '\n' + node->file();
      for (const auto& [key, value] : options) {
        if (const auto at = text.find('\n' + key + " = "); at != std::string::npos)
          text.erase(at, text.find('\n', at + 1) - at);
        text.insert(0, '\n' + key + " = " + value);
      }
      reload(*node, text.substr(1));
    }
  }
  void change(const std::string& key, const std::string& value) { change({{key, value}}); }
  /// Gives the port another line `key`, and has the node with the clients reload.
  void change_port(const std::string& key, const std::string& value) {
    auto& node = proxy_.client_side();
    const std::string before = "\nname = \"test\"\n";
    auto text = node.file();
    const auto at = text.find(before);
    REQUIRE(at != std::string::npos);
    reload(node, text.insert(at + before.size(), key + " = " + value + '\n'));
  }

 private:
  static void reload(const test_node& node, const std::string& text) {
    std::ofstream{node.config_file()} << text;
    const auto result = node.reload();
    INFO(result.output);
    REQUIRE(result.status == 0);
  }

  proxy_under_test proxy_;
};

}  // namespace mtp::test
