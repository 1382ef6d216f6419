// What dc_config does when the operator's configuration has changed.
#include "tests/actors/uplink/dc_config_fixture.hpp"

namespace mtp::actors {
namespace {

TEST_CASE_FIXTURE(config_fixture, "config: other addresses of ours count at once, and can go") {
  start();
  answer_well();
  CHECK_FALSE(known()->external_v4);
  const auto v4 = ip_address::v4({203, 0, 113, 1});
  const auto v6 = *ip_address::parse("2001:db8::1");
  node.configure([&](auto& all) {
    all.uplink.external_ip = v4;
    all.uplink.external_ipv6 = v6;
  });
  tell(config_changed{});
  CHECK(known()->external_v4 == v4);
  CHECK(known()->external_v6 == v6);
  answer_well();
  node.configure([&](auto& all) {
    all.uplink.external_ip.reset();
    all.uplink.external_ipv6.reset();
  });
  tell(config_changed{});
  CHECK_FALSE(known()->external_v4);
  CHECK_FALSE(known()->external_v6);
  answer_well();
}

}  // namespace
}  // namespace mtp::actors
