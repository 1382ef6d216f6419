#include "app/link_files.hpp"

#include <doctest/doctest.h>

#include "tests/support/process.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::app {
namespace {

TEST_CASE("nodes: files of the link are looked at as a start does") {
  const test::temporary_directory directory;
  config::settings all;
  CHECK(check_link_files(all).problems.empty());
  all.process.role = config::node_role::front;
  all.link.node_name = "front1";
  all.link.node_link.certificate = directory.path() / "front1.pem";
  const auto missing = check_link_files(all);
  REQUIRE(missing.problems.size() == 1);
  CHECK(to_string(missing.problems[0]).find("front1.pem: No such file") != std::string::npos);

  const test::certificate_authority authority{directory.path(), "ca"};
  const auto files_of_front = authority.issue("front1", {.name = "front1"});
  all.link.node_link.certificate = files_of_front.certificate;
  all.link.node_link.key = files_of_front.key;
  all.link.node_link.ca = files_of_front.ca;
  CHECK(check_link_files(all).problems.empty());
  CHECK(check_link_files(all).warnings.empty());
  all.link.node_name = "front";
  const auto report = check_link_files(all);
  REQUIRE(report.warnings.size() == 1);
  CHECK(to_string(report.warnings[0]) ==
        "node_name: is \"front\", but the certificate says \"front1\", which is what other nodes "
        "go by");
  all.process.role = config::node_role::back;
  CHECK(check_link_files(all).problems.empty());
  all.link.node_link.security = config::link_security::plain;
  CHECK(check_link_files(all).warnings.empty());
}

}  // namespace
}  // namespace mtp::app
