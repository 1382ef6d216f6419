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
  running.ports.push_back({.name = "web"});
  settings wanted;
  wanted.role = node_role::back;
  wanted.max_connections = 5;
  CHECK(settled(wanted, running) == running);
}

TEST_CASE("settled: what CAF's own link has read at its start stays") {
  settings running;
  running.node_link.security = link_security::caf_openssl;
  auto wanted = running;
  wanted.node_link.certificate = "other.pem";
  wanted.node_link.timeout = std::chrono::seconds{60};
  wanted.node_link.allowed_nodes = {"front1"};
  const auto kept = settled(wanted, running);
  CHECK(kept.node_link.certificate == running.node_link.certificate);
  CHECK(kept.node_link.timeout == running.node_link.timeout);
  CHECK(kept.node_link.allowed_nodes == wanted.node_link.allowed_nodes);
}

TEST_CASE("settled: a link keeps its cookie when another transport needs none") {
  settings running;
  running.role = node_role::back;
  running.node_link.security = link_security::plain;
  running.node_link.cluster_cookie = "cookie of the cluster";
  auto wanted = running;
  wanted.node_link.security = link_security::tls;
  wanted.node_link.cluster_cookie = {};
  wanted.node_link.allowed_nodes = {"front1"};
  wanted.stop_timeout = std::chrono::seconds{7};
  const auto kept = settled(wanted, running);
  CHECK(kept.node_link == running.node_link);
  CHECK(kept.stop_timeout == wanted.stop_timeout);
}

}  // namespace
}  // namespace mtp::config
