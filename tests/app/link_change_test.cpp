#include "app/link_change.hpp"

#include <doctest/doctest.h>

#include "tests/support/captured_log.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/process.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::app {
namespace {

endpoint loopback(std::uint16_t port) {
  return {.ip = ip_address::v4({127, 0, 0, 1}), .port = port};
}

/// A back that waits for fronts, and what it is to be instead.
struct fixture {
  test::temporary_directory directory;
  test::certificate_authority authority{directory.path(), "ca"};
  test::captured_log log;
  test::manual_node node;
  actors::node_link_side& side = node.link;
  config::settings running;
  config::settings wanted;
  std::shared_ptr<net::bound_port> sockets;

  fixture() {
    use("before", running);
    const auto& link = running.link.node_link;
    auto opened = net::tls_credentials::open(
        {.certificate = link.certificate, .key = link.key, .ca = link.ca},
        net::tls_side::accepting);
    REQUIRE(opened);
    side.credentials = *opened;
    auto bound = bind_link(loopback(0));
    REQUIRE(bound);
    sockets = bound->sockets;
    running.link.node_link.listen = sockets->where();
    side.port.set(std::make_shared<const actors::link_port>(*bound));
    wanted = running;
  }
  /// A certificate of that name.
  void use(const std::string& name, config::settings& settings) {
    const auto files = authority.issue(name, {.name = name});
    settings.link.node_link.certificate = files.certificate;
    settings.link.node_link.key = files.key;
    settings.link.node_link.ca = files.ca;
  }
  tl::expected<link_change, std::string> prepare() {
    return link_change::prepare(side, running.link, wanted.link);
  }
  [[nodiscard]] bool waits_as_before() const { return side.port.get()->sockets == sockets; }
  /// As its certificate says, also when the files are read again.
  [[nodiscard]] std::string name() const {
    REQUIRE(side.credentials->reload());
    return side.own_name();
  }
};

TEST_CASE_FIXTURE(fixture, "link change: a port that can't be had leaves everything as it was") {
  const auto taken = bind_link(loopback(0));
  REQUIRE(taken);
  wanted.link.node_link.listen = taken->sockets->where();
  use("after", wanted);
  const auto change = prepare();
  REQUIRE_FALSE(change);
  CHECK(change.error() ==
        "node_link.listen: " + to_string(*wanted.link.node_link.listen) +
            " is already served by another process; stop it or choose another port");
  CHECK(waits_as_before());
  CHECK(name() == "before");
}

TEST_CASE_FIXTURE(fixture,
                  "link change: a certificate that can't be used gives the new port back") {
  wanted.link.node_link.listen = loopback(test::free_port());
  wanted.link.node_link.certificate = directory.path() / "nothing.pem";
  const auto change = prepare();
  REQUIRE_FALSE(change);
  CHECK(change.error().find("nothing.pem") != std::string::npos);
  CHECK(waits_as_before());
  CHECK(name() == "before");
  CHECK(bind_link(*wanted.link.node_link.listen));
}

TEST_CASE_FIXTURE(fixture, "link change: it waits elsewhere once that is published") {
  wanted.link.node_link.listen = loopback(test::free_port());
  use("after", wanted);
  auto change = prepare();
  REQUIRE(change);
  CHECK(waits_as_before());
  change->publish(wanted);
  CHECK(side.port.get()->sockets->where() == *wanted.link.node_link.listen);
  CHECK(name() == "after");
}

TEST_CASE_FIXTURE(fixture, "link change: a port that is not published is free again") {
  wanted.link.node_link.listen = loopback(test::free_port());
  REQUIRE(prepare());
  CHECK(waits_as_before());
  CHECK(bind_link(*wanted.link.node_link.listen));
}

TEST_CASE_FIXTURE(fixture, "link change: where the address stays, so do the sockets") {
  use("after", wanted);
  auto change = prepare();
  REQUIRE(change);
  change->publish(wanted);
  CHECK(waits_as_before());
  CHECK(name() == "after");
}

}  // namespace
}  // namespace mtp::app
