#include "config/settled.hpp"

#include <doctest/doctest.h>

#include "config/difference.hpp"
#include "tests/config/option_samples.hpp"

namespace mtp::config {
namespace {

TEST_CASE("settled: of each option, what its row says of a change is so") {
  for (const auto& row : test::rows_with_values()) {
    settings wanted;
    test::change(row, wanted);
    CAPTURE(path_of(row));
    const bool is_kept = settled(wanted, {}) == settings{};
    CHECK(is_kept == (row.applies == change_time::restart));
  }
}

TEST_CASE("settled: a file for another role changes nothing, so no port goes") {
  settings running;
  running.client.ports.push_back({.name = "web"});
  settings wanted;
  wanted.process.role = node_role::back;
  wanted.client.max_connections = 5;
  CHECK(settled(wanted, running) == running);
}

TEST_CASE("settled: what CAF's own link has read at its start stays") {
  settings running;
  running.link.node_link.security = link_security::caf_openssl;
  auto wanted = running;
  wanted.link.node_link.certificate = "other.pem";
  wanted.link.node_link.timeout = std::chrono::seconds{60};
  wanted.link.node_link.allowed_nodes = {"front1"};
  const auto kept = settled(wanted, running);
  CHECK(kept.link.node_link.certificate == running.link.node_link.certificate);
  CHECK(kept.link.node_link.timeout == running.link.node_link.timeout);
  CHECK(kept.link.node_link.allowed_nodes == wanted.link.node_link.allowed_nodes);
}

TEST_CASE("settled: a link keeps its cookie when another transport needs none") {
  settings running;
  running.process.role = node_role::back;
  running.link.node_link.security = link_security::plain;
  running.link.node_link.cluster_cookie = "cookie of the cluster";
  auto wanted = running;
  wanted.link.node_link.security = link_security::tls;
  wanted.link.node_link.cluster_cookie = {};
  wanted.link.node_link.allowed_nodes = {"front1"};
  wanted.process.stop_timeout = std::chrono::seconds{7};
  const auto kept = settled(wanted, running);
  CHECK(kept.link.node_link == running.link.node_link);
  CHECK(kept.process.stop_timeout == wanted.process.stop_timeout);
}

}  // namespace
}  // namespace mtp::config
