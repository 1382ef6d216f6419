// When dc_config fetches again, and whom it asks for our address.
#include "actors/core/names.hpp"
#include "tests/actors/uplink/dc_config_fixture.hpp"

namespace mtp::actors {
namespace {

TEST_CASE_FIXTURE(config_fixture,
                  "config: it is fetched again after conf_refresh_interval, give or take") {
  start();
  answer_well();
  node.advance(3590s);
  CHECK(fetches.empty());
  node.advance(400s);
  answer_well();
  // Nothing new, nothing to tell.
  CHECK(pool.all<telegram_config_changed>().empty());
  node.advance(3990s);
  answer("secret", std::string(128, '\x5e'));
  answer("v4", "proxy_for 2 10.0.0.9:8888;\nproxy_for 3 10.0.0.3:8888;\n");
  refuse("v6");
  CHECK(pools.back() == names::dc_pool(3));
  CHECK(pool.all<telegram_config_changed>().size() == 2);
  // What was known of IPv6 stays, and for a while what the list lacks.
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2, 3});
  CHECK(known()->endpoints(2, false).size() == 2);
}

TEST_CASE_FIXTURE(config_fixture, "config: a DC in outage has it fetched at most a minute apart") {
  start();
  answer_well();
  node.advance(10s);
  tell(dc_outage{2, "refused"});
  node.advance(49s);
  CHECK(fetches.empty());
  node.advance(2s);
  answer_well();
  node.advance(61s);
  refuse("secret");
  refuse("v4");
  refuse("v6");
  node.advance(12s);  // after a failure it is sooner
  answer_well();
  tell(dc_recovery{2});
  node.advance(3500s);
  CHECK(fetches.empty());
}

TEST_CASE_FIXTURE(config_fixture,
                  "config: an outage long after the last fetch has it fetched at once") {
  start();
  answer_well();
  node.advance(120s);
  tell(dc_outage{2, "refused"});
  answer("secret", std::string(128, '\x5f'));
  answer("v4", "default 2;\nproxy_for 2 10.0.0.9:8888;\n");
  refuse("v6");
  CHECK(known()->secret == bytes(128, 0x5f));
  CHECK(known()->endpoints(2, false).front() == *parse_endpoint("10.0.0.9:8888"));
}

TEST_CASE_FIXTURE(config_fixture, "config: a handshake that fails has everything looked up, once") {
  node.configure([&](auto& all) { all.uplink.ip_lookup_services = {"first", "second", "third"}; });
  node.configure([&](auto& all) { all.uplink.ip_lookup_always = false; });
  start();
  // Whether this machine's own address is a public one: nobody knows here.
  if (fetches.front().request.url == "first") answer("first", "198.51.100.7");
  answer_well();
  node.advance(120s);
  tell(dc_keys_in_doubt{2});
  // The one that was asked before may be what is wrong.
  CHECK_FALSE(fetches.front().request.through_proxy);
  answer("second", "198.51.100.8");
  answer_well();
  CHECK(known()->external_v4 == ip_address::v4({198, 51, 100, 8}));
  for (int i = 0; i < 5; ++i)
    tell(dc_keys_in_doubt{2});
  CHECK(fetches.empty());
  node.advance(61s);
  refuse("third");
  answer("first", "198.51.100.9");
  answer_well();
  CHECK(known()->external_v4 == ip_address::v4({198, 51, 100, 9}));
  node.advance(300s);
  CHECK(fetches.empty());
}

TEST_CASE_FIXTURE(config_fixture, "config: an outage of a DC that is in no list is nobody's") {
  start();
  answer_well();
  tell(dc_outage{9, "refused"});
  node.advance(120s);
  CHECK(fetches.empty());
}

TEST_CASE_FIXTURE(config_fixture,
                  "config: asking for a refresh does not make for more of them later") {
  start();
  answer_well();
  for (int i = 0; i < 3; ++i) {
    caf::anon_send(config, refresh_telegram_config{});
    node.settle();
    answer_well();
  }
  node.advance(3990s);
  answer_well();
  CHECK(fetches.empty());
  node.advance(3500s);
  CHECK(fetches.empty());
}

TEST_CASE_FIXTURE(config_fixture,
                  "config: refused everywhere, it uses the built-in list and tries on") {
  start();
  refuse("secret");
  refuse("v4");
  refuse("v6");
  CHECK(*known() == built_in_telegram_config());
  CHECK(known()->dcs() == std::vector<dc_id>{-203, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 203});
  CHECK(fetches.empty());
  // 10 s, then twice as long, with jitter.
  node.advance(9s);
  CHECK(fetches.empty());
  node.advance(3s);
  refuse("secret");
  refuse("v4");
  refuse("v6");
  node.advance(19s);
  CHECK(fetches.empty());
  node.advance(4s);
  answer_well();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  // None of that was worth keeping but the last.
  telegram_config loaded;
  CHECK(telegram_config_files{directory.path()}.load(loaded));
  CHECK(loaded.dcs() == std::vector<dc_id>{-2, 2});
}

TEST_CASE_FIXTURE(config_fixture, "config: look-up services are asked in turn until one answers") {
  node.configure([&](auto& all) { all.uplink.ip_lookup_services = {"first", "second", "third"}; });
  start();
  refuse("first");
  answer("second", " 198.51.100.7\n");
  answer_well();
  CHECK(known()->external_v4 == ip_address::v4({198, 51, 100, 7}));
  CHECK(found == std::vector{ip_address::v4({198, 51, 100, 7})});
}

TEST_CASE_FIXTURE(config_fixture, "config: an address set by the operator is not asked for") {
  node.configure([&](auto& all) { all.uplink.ip_lookup_services = {"first"}; });
  node.configure([&](auto& all) { all.uplink.external_ip = ip_address::v4({203, 0, 113, 1}); });
  start();
  answer_well();
  CHECK(known()->external_v4 == ip_address::v4({203, 0, 113, 1}));
}

}  // namespace
}  // namespace mtp::actors
