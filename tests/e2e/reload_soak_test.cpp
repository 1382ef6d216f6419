// Many reloads: no byte is lost, nothing is left over.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "net/loop/entropy.hpp"
#include "tests/e2e/load_client.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

constexpr auto pause = 50ms;

/// The file of each node in turn, as it was and with all kinds of changes; what it has at the end
/// is as at the beginning.
class changing_files {
 public:
  explicit changing_files(const proxy_under_test& proxy) : proxy_{&proxy} {
    for (const auto* const node : proxy.nodes())
      files_.push_back(node->file());
  }
  changing_files(const changing_files&) = delete;
  changing_files& operator=(const changing_files&) = delete;
  changing_files(changing_files&&) = delete;
  changing_files& operator=(changing_files&&) = delete;
  ~changing_files() { write(false); }

  void write(bool other) {
    ++round_;
    const auto nodes = proxy_->nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      std::string text = files_[i];
      if (other) {
        text = "conf_refresh_interval = " + std::to_string(100 + round_ % 50) + '\n' + text;
        if (nodes[i] == &proxy_->client_side())
          text = "ready_timeout_sec = " + std::to_string(1000 + round_ % 50) +
                 "\nmax_connections = " + std::to_string(1000 + round_ % 50) + '\n' + text +
                 second_port();
      }
      // As editors do: a reader finds a whole file.
      const auto fresh = nodes[i]->config_file() + ".new";
      std::ofstream{fresh} << text;
      std::filesystem::rename(fresh, nodes[i]->config_file());
    }
  }

 private:
  /// Each time with another secret.
  [[nodiscard]] std::string second_port() const {
    auto table = port_table("127.0.0.1", port_, net::random_array<16>());
    return "\n" + table.replace(table.find("test"), 4, "second");
  }

  const proxy_under_test* proxy_;
  std::vector<std::string> files_;
  std::uint16_t port_ = free_port();
  unsigned round_ = 0;
};

void reload_under_load(std::chrono::seconds duration) {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  changing_files files{proxy};
  const load_client::target to{.port = proxy.port(), .secret = proxy.secret()};
  tally seen;
  auto idle = idle_clients(to, 1, 10, seen);
  tally busy_seen;
  busy_clients busy{to, 1000, 8, busy_seen};
  const auto limit = std::chrono::steady_clock::now() + duration;
  for (unsigned round = 0; std::chrono::steady_clock::now() < limit; ++round) {
    files.write(round % 2 == 0);
    proxy.signal(SIGHUP);
    std::this_thread::sleep_for(pause);
  }
  busy.stop();
  for (auto& client : idle)
    client.echo();
  CHECK(busy_seen.echoes > 100);
  for (const auto* const tally : {&seen, &busy_seen}) {
    CHECK(tally->wrong == 0);
    CHECK(tally->silent == 0);
    CHECK(tally->refused == 0);
    CHECK(tally->idle_closed == 0);
    CHECK(tally->in_flight_closed == 0);
  }
  CHECK(telegram.complaints().empty());
  for (const auto* const node : proxy.nodes())
    CHECK(node->count_in_output("reload: the configuration is left as it was") == 0);
}

TEST_CASE("reload: again and again under load, no byte is lost") {
  reload_under_load(3s);
}

TEST_CASE("reload: for half a minute under load, no byte is lost" * doctest::test_suite("soak")) {
  reload_under_load(30s);
}

std::size_t entries_of(pid_t pid, const char* folder) {
  const std::filesystem::directory_iterator all{"/proc/" + std::to_string(pid) + folder};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_CASE("reload: a thousand of them leave nothing behind" * doctest::test_suite("soak")) {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  changing_files files{proxy};
  auto client = proxy.client(secure_protocol());
  const auto reload = [&](unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
      files.write(i % 2 == 0);
      for (const auto* const node : proxy.nodes())
        REQUIRE(node->reload().status == 0);
    }
    check_echo(client);
  };
  struct usage {
    double memory = 0;
    std::size_t descriptors = 0;
    std::size_t threads = 0;
  };
  const auto usage_of = [](test_node& node) {
    const auto pid = node.program().pid();
    return usage{.memory = resident_memory(pid),
                 .descriptors = entries_of(pid, "/fd"),
                 .threads = entries_of(pid, "/task")};
  };
  // What is made once is there then.
  reload(100);
  std::vector<usage> before;
  for (auto* const node : proxy.nodes())
    before.push_back(usage_of(*node));
  reload(1000);
  for (std::size_t i = 0; i < before.size(); ++i) {
    auto& node = *proxy.nodes()[i];
    // Fewer, if a connection to Telegram was on its way then.
    const bool is_as_before =
        eventually([&] { return usage_of(node).descriptors <= before[i].descriptors; }, patience);
    CAPTURE(i);
    CAPTURE(before[i].descriptors);
    CAPTURE(usage_of(node).descriptors);
    CHECK(is_as_before);
    CHECK(usage_of(node).threads == before[i].threads);
#ifdef NDEBUG
    // A kilobyte each would be half of that; sanitizers keep what was freed.
    CHECK(usage_of(node).memory < before[i].memory + 2 * 1024 * 1024);
#endif
  }
}

}  // namespace
}  // namespace mtp::test
