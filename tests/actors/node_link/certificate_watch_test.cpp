// A certificate that expires soon is told of, whether anybody connects or not.
#include "actors/node_link/certificate_watch.hpp"
#include "actors/core/names.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "actors/ops/proxy_sup.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/process.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

/// A node with a certificate of two months, as if it had been connected for long.
struct watched {
  test::temporary_directory directory;
  test::certificate_authority authority{directory.path(), "ca"};
  net::tls_files files = authority.issue("node", {.name = "front1", .until = 24h * 60});
  test::manual_node node;
  test::captured_log log;
  caf::actor watch;

  watched() {
    auto opened = net::tls_credentials::open(files, net::tls_side::dialing);
    REQUIRE(opened);
    node.link.credentials = *opened;
    start();
  }
  watched(const watched&) = delete;
  watched& operator=(const watched&) = delete;
  watched(watched&&) = delete;
  watched& operator=(watched&&) = delete;
  ~watched() { stop(); }

  void start() {
    watch = node.system().spawn([this](caf::stateful_actor<certificate_watch_state>* self) {
      return certificate_watch(self, node.link);
    });
    node.settle();
  }
  void stop() {
    caf::anon_send_exit(watch, caf::exit_reason::kill);
    node.settle();
  }
  void replace(std::chrono::seconds lifetime, const std::string& name = "front1") {
    const auto fresh = authority.issue("fresh", {.name = name, .until = lifetime});
    std::filesystem::rename(fresh.key, files.key);
    std::filesystem::rename(fresh.certificate, files.certificate);
  }
  void pass(int hours) {
    for (int i = 0; i < hours; ++i)
      node.advance(1h);
  }
  [[nodiscard]] std::size_t warnings() const {
    return log.count("warning the certificate of this node, \"front1\", expires in ");
  }
};

TEST_CASE_FIXTURE(watched, "certificate watch: nothing is said as long as there is time") {
  pass(72);
  CHECK(log.text().empty());
  replace(24h * 15);
  pass(72);
  CHECK(warnings() == 0);
}

TEST_CASE_FIXTURE(watched, "certificate watch: that there is a new one is told, once") {
  replace(24h * 100);
  pass(2);
  const std::string line = "info a new certificate of this node is used: \"front1\", until 2";
  CHECK(log.count(line) == 1);
  CHECK(log.count("warning") == 0);
  replace(24h * 100, "front2");
  pass(2);
  CHECK(log.count("info a new certificate of this node is used: \"front2\", until 2") == 1);
  CHECK(log.count("warning it says \"front2\", where the one before said \"front1\": other nodes "
                  "may refuse it") == 1);
  CHECK(log.count(line) == 1);
}

TEST_CASE_FIXTURE(watched, "certificate watch: soon before the end a line a day") {
  replace(24h * 13);
  node.advance(1min);
  CHECK(warnings() == 1);
  CHECK(log.count("expires in 311 hours") == 1);
  pass(23);
  CHECK(warnings() == 1);
  pass(2);
  CHECK(warnings() == 2);
  pass(24 * 5);
  CHECK(warnings() == 7);
  // Until it is renewed.
  replace(24h * 60);
  pass(72);
  CHECK(warnings() == 7);
}

TEST_CASE_FIXTURE(watched,
                  "certificate watch: a node that starts with such a one says so at once") {
  replace(24h * 2);
  stop();
  start();
  CHECK(warnings() == 1);
}

TEST_CASE_FIXTURE(watched, "certificate watch: files that are no good are told of once") {
  const auto before = node.link.credentials->current();
  std::ofstream{files.certificate} << "no certificate";
  caf::anon_send(watch, read_certificates{});
  node.settle();
  CHECK(log.count("holds no certificate in PEM form; what was there before is still used") == 1);
  pass(3);
  CHECK(log.count("what was there before") == 1);
  CHECK(node.link.credentials->current() == before);
}

TEST_CASE_FIXTURE(watched, "certificate watch: every node with certificates has one") {
  node_parts front{.core = node.core, .client = &node.client, .link = &node.link};
  node_parts back{.core = node.core, .uplink = &node.uplink, .link = &node.link};
  const auto has_watch = [](node_parts& parts) {
    const auto children = proxy_sup_spec(parts).children;
    return std::ranges::find(children, names::certificate_watch, &child_spec::id) != children.end();
  };
  CHECK(has_watch(front));
  CHECK(has_watch(back));
  stop();
  node.link.credentials = nullptr;
  CHECK_FALSE(has_watch(front));
  CHECK_FALSE(has_watch(back));
}

}  // namespace
}  // namespace mtp::actors
