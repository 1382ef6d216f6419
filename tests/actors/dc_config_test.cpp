#include "actors/dc_config.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "actors/supervisor.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/process.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

/// dc_config with a fetcher that the test answers for, and a supervisor that only notes which pools
/// are wanted.
struct fixture {
  struct fetch {
    net::http_request request;
    caf::response_promise reply;
  };

  test::manual_node node;
  test::temporary_directory directory;
  std::deque<fetch> fetches;
  std::vector<std::string> pools;
  std::vector<std::string> stopped;
  test::inbox<telegram_config_changed> pool{node.system()};
  caf::actor config;
  std::vector<ip_address> found;

  fixture() {
    auto& settings = node.env.settings;
    settings.state_dir = directory.path();
    settings.proxy_secret_url = "secret";
    settings.proxy_config_url = "v4";
    settings.proxy_config_v6_url = "v6";
    settings.ip_lookup_services.clear();
    settings.ip_lookup_always = true;
    settings.core_api_http_timeout = 3s;
    settings.conf_refresh_interval = 3600s;
    node.env.address_found = [this](const ip_address& ours) { found.push_back(ours); };
    start_fetcher();
    node.env.names.put("dc_pool_sup",
                       node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
                         return {[this](const start_child& order) {
                                   pools.push_back(order.id);
                                   node.env.names.put(order.id, pool.handle());
                                   return pool.handle();
                                 },
                                 [this](const stop_child& order) { stopped.push_back(order.id); }};
                       }));
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    caf::anon_send_exit(config, caf::exit_reason::kill);
    for (const auto* const name : {"http_fetcher", "dc_pool_sup"})
      caf::anon_send_exit(node.env.names.find(name), caf::exit_reason::kill);
    node.settle();
  }

  void start_fetcher() {
    node.env.names.put("http_fetcher",
                       node.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
                         return {[this, self](const http_fetch& what) -> caf::result<http_answer> {
                                   auto reply = self->make_response_promise();
                                   fetches.push_back({what.request, reply});
                                   return caf::delegated<http_answer>{};
                                 },
                                 // From the test: the answer to the oldest.
                                 [this](http_answer& answer) {
                                   fetches.front().reply.deliver(std::move(answer));
                                   fetches.pop_front();
                                 }};
                       }));
  }
  void start() {
    config = node.system().spawn(
        [this](caf::stateful_actor<dc_config_state>* self) { return dc_config(self, node.env); });
    node.settle();
  }
  void answer(const std::string& url, tl::expected<std::string, std::string> body,
              std::optional<std::chrono::seconds> clock_ahead = {}) {
    REQUIRE_FALSE(fetches.empty());
    CHECK(fetches.front().request.url == url);
    caf::anon_send(node.env.names.find("http_fetcher"), http_answer{std::move(body), clock_ahead});
    node.settle();
  }
  template <class Message>
  void tell(const Message& what) {
    caf::anon_send(config, what);
    node.settle();
  }
  void refuse(const std::string& url) { answer(url, tl::unexpected<std::string>{"refused"}); }
  void answer_well() {
    answer("secret", std::string(128, '\x5e'));
    answer("v4", "default 2;\nproxy_for 2 10.0.0.2:8888;\nproxy_for -2 10.0.0.3:8888;\n");
    answer("v6", "proxy_for 2 [2001:db8::2]:443;\n");
  }
  [[nodiscard]] std::shared_ptr<const telegram_config> known() const {
    return node.env.telegram.get();
  }
};

TEST_CASE_FIXTURE(fixture, "config: what is fetched is published, and every DC gets a pool") {
  start();
  CHECK(known()->secret.empty());
  answer_well();
  CHECK(known()->secret.size() == 128);
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(known()->endpoints(2, false) ==
        std::vector{*parse_endpoint("10.0.0.2:8888"), *parse_endpoint("[2001:db8::2]:443")});
  CHECK(pools == std::vector<std::string>{dc_pool_name(-2), dc_pool_name(2)});
  CHECK(fetches.empty());
}

TEST_CASE_FIXTURE(fixture,
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
  CHECK(pools.back() == dc_pool_name(3));
  CHECK(pool.all<telegram_config_changed>().size() == 2);
  // What was known of IPv6 stays, and for a while what the list lacks.
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2, 3});
  CHECK(known()->endpoints(2, false).size() == 2);
}

TEST_CASE_FIXTURE(fixture, "config: a DC that is gone for three hours loses its pool") {
  start();
  answer_well();
  const auto lack_one = [&] {
    answer("secret", std::string(128, '\x5e'));
    answer("v4", "default 2;\nproxy_for 2 10.0.0.2:8888;\n");
    refuse("v6");
  };
  tell(refresh_telegram_config{});
  lack_one();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(stopped.empty());
  node.advance(3h);
  lack_one();
  CHECK(known()->dcs() == std::vector<dc_id>{2});
  CHECK(stopped == std::vector<std::string>{dc_pool_name(-2)});
}

TEST_CASE_FIXTURE(fixture, "config: a DC in outage has it fetched at most a minute apart") {
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

TEST_CASE_FIXTURE(fixture, "config: an outage long after the last fetch has it fetched at once") {
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

TEST_CASE_FIXTURE(fixture, "config: a handshake that fails has everything looked up, once") {
  node.env.settings.ip_lookup_services = {"first", "second", "third"};
  node.env.settings.ip_lookup_always = false;
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

TEST_CASE_FIXTURE(fixture, "config: a list without a default DC leaves the one that is known") {
  start();
  answer_well();
  tell(refresh_telegram_config{});
  answer("secret", std::string(128, '\x5e'));
  answer("v4", "default two;\nproxy_for 2 10.0.0.2:8888;\nproxy_for -2 10.0.0.3:8888;\n");
  refuse("v6");
  CHECK(known()->resolve(77) == dc_id{2});
}

TEST_CASE_FIXTURE(fixture, "config: an outage of a DC that is in no list is nobody's") {
  start();
  answer_well();
  tell(dc_outage{9, "refused"});
  node.advance(120s);
  CHECK(fetches.empty());
}

TEST_CASE_FIXTURE(fixture, "config: the clock of whoever was asked last is known") {
  start();
  CHECK_FALSE(node.env.telegram.clock_ahead());
  answer("secret", std::string(128, '\x5e'), -45s);
  CHECK(node.env.telegram.clock_ahead() == -45s);
  CHECK(describe_clock(node.env.telegram.clock_ahead()) == "45 s behind");
  answer("v4", "default 2;\nproxy_for 2 10.0.0.2:8888;\n", 21s);
  CHECK(describe_clock(node.env.telegram.clock_ahead()) == "21 s ahead of");
  answer("v6", "proxy_for 2 [2001:db8::2]:443;\n", 20s);
  CHECK(describe_clock(node.env.telegram.clock_ahead()).empty());
  CHECK(describe_clock({}).empty());
}

TEST_CASE_FIXTURE(fixture, "config: asking for a refresh does not make for more of them later") {
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

TEST_CASE_FIXTURE(fixture, "config: a silent server does not keep clients waiting") {
  start();
  node.advance(2s);
  CHECK(known()->secret.empty());
  node.advance(2s);
  CHECK(*known() == built_in_telegram_config());
  CHECK(pools.size() == known()->dcs().size());
  // At last it answers, and nothing is left of the built-in lists.
  answer("secret", std::string(128, '\x5e'));
  answer("v4", "proxy_for 2 10.0.0.2:8888;\n");
  refuse("v6");
  CHECK(known()->dcs() == std::vector<dc_id>{2});
  CHECK(known()->v6.endpoints.empty());
}

TEST_CASE_FIXTURE(fixture, "config: refused everywhere, it uses the built-in list and tries on") {
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

TEST_CASE_FIXTURE(fixture, "config: secret and list are taken over together or not at all") {
  start();
  answer_well();
  caf::anon_send(config, refresh_telegram_config{});
  node.settle();
  answer("secret", std::string(128, '\x5f'));
  refuse("v4");
  answer("v6", "proxy_for 2 [2001:db8::9]:443;\n");
  CHECK(known()->secret == bytes(128, 0x5e));
  CHECK(known()->endpoints(2, true).front() == *parse_endpoint("[2001:db8::2]:443"));
}

TEST_CASE_FIXTURE(fixture, "config: nonsense is not believed") {
  start();
  answer_well();
  const auto before = known();
  caf::anon_send(config, refresh_telegram_config{});
  node.settle();
  SUBCASE("a page instead of a secret") {
    answer("secret", "<html>Please log in</html> and then some more text to be long enough");
  }
  SUBCASE("too short a secret") {
    answer("secret", std::string(31, 's'));
  }
  answer("v4", "<html>Please log in</html>");
  answer("v6", "");
  CHECK(*known() == *before);
}

TEST_CASE_FIXTURE(fixture, "config: a broken line is left out, and told until there is another") {
  const test::captured_log log;
  const auto answer_with = [&](const std::string& line, const std::string& v6_line) {
    answer("secret", std::string(128, '\x5e'));
    answer("v4", "proxy_for 2 10.0.0.2:8888;\nproxy_for 3 10.0.0.3:8888;\n" + line);
    answer("v6", "proxy_for 2 [2001:db8::2]:443;\nproxy_for 3 [2001:db8::3]:443;\n" + v6_line);
    CHECK(known()->dcs() == std::vector<dc_id>{2, 3});
    caf::anon_send(config, refresh_telegram_config{});
    node.settle();
  };
  const std::string told = "warning v4: left out what can't be read: line 3 ";
  start();
  answer_with("proxy_for 4 a.example:80;\n", "");
  CHECK(log.count(told + "\"proxy_for 4 a.example:80;\"\n") == 1);
  // The same, hour after hour.
  answer_with("proxy_for 4 a.example:80;\n", "");
  answer_with("proxy_for 4 a.example:80;\n", "default x;");
  CHECK(log.count(told) == 1);
  CHECK(log.count("warning v6: left out what can't be read: line 3 \"default x;\"\n") == 1);
  answer_with("proxy_for 4 b.example:80;\n", "default x;");
  CHECK(log.count(told + "\"proxy_for 4 b.example:80;\"\n") == 1);
  // All is well, and then not.
  answer_with("", "");
  CHECK(log.count("left out") == 3);
  answer_with("proxy_for 4 b.example:80;\n", "");
  CHECK(log.count("left out") == 4);
}

TEST_CASE_FIXTURE(fixture, "config: a copy on disk with a broken line is used, and that is told") {
  start();
  answer_well();
  caf::anon_send_exit(config, caf::exit_reason::kill);
  node.settle();
  node.env.telegram.set(std::make_shared<telegram_config>());
  std::ofstream{directory.path() / "proxy-config", std::ios::app} << "proxy_for 5 10.0";
  const test::captured_log log;
  start();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(log.count("/proxy-config: left out what can't be read: line 4 \"proxy_for 5 10.0\"\n") ==
        1);
}

TEST_CASE_FIXTURE(fixture, "config: the copy on disk is there before any answer") {
  start();
  answer_well();
  caf::anon_send_exit(config, caf::exit_reason::kill);
  node.settle();
  node.env.telegram.set(std::make_shared<telegram_config>());
  pools.clear();
  for (const auto dc : {dc_id{-2}, dc_id{2}})
    node.env.names.remove(dc_pool_name(dc), pool.handle().address());
  start();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(pools.size() == 2);
}

TEST_CASE_FIXTURE(fixture, "config: restarted, it goes on with what was known") {
  node.env.settings.state_dir.clear();
  start();
  answer_well();
  const auto before = known();
  caf::anon_send_exit(config, caf::exit_reason::kill);
  node.settle();
  start();
  CHECK(*known() == *before);
  refuse("secret");
  refuse("v4");
  refuse("v6");
  CHECK(*known() == *before);
}

TEST_CASE_FIXTURE(fixture, "config: look-up services are asked in turn until one answers") {
  node.env.settings.ip_lookup_services = {"first", "second", "third"};
  start();
  refuse("first");
  answer("second", " 198.51.100.7\n");
  answer_well();
  CHECK(known()->external_v4 == ip_address::v4({198, 51, 100, 7}));
  CHECK(found == std::vector{ip_address::v4({198, 51, 100, 7})});
}

TEST_CASE_FIXTURE(fixture, "config: an address set by the operator is not asked for") {
  node.env.settings.ip_lookup_services = {"first"};
  node.env.settings.external_ip = ip_address::v4({203, 0, 113, 1});
  start();
  answer_well();
  CHECK(known()->external_v4 == ip_address::v4({203, 0, 113, 1}));
}

TEST_CASE_FIXTURE(fixture, "config: the fetcher may die: the next attempt finds the next one") {
  const auto dead = node.env.names.find("http_fetcher");
  caf::anon_send_exit(dead, caf::exit_reason::kill);
  node.settle();
  start();
  CHECK(*known() == built_in_telegram_config());
  node.env.names.remove("http_fetcher", dead.address());
  node.advance(12s);
  start_fetcher();
  node.advance(24s);
  answer_well();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
}

TEST_CASE_FIXTURE(fixture, "config: pools come back with their supervisor") {
  start();
  answer_well();
  pools.clear();
  for (const auto dc : {dc_id{-2}, dc_id{2}})
    node.env.names.remove(dc_pool_name(dc), pool.handle().address());
  const auto old = node.env.names.find("dc_pool_sup");
  node.env.names.put("dc_pool_sup",
                     node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
                       return {[this](const start_child& order) {
                         pools.push_back(order.id);
                         return pool.handle();
                       }};
                     }));
  caf::anon_send_exit(old, caf::exit_reason::kill);
  node.settle();
  node.advance(200ms);
  CHECK(pools == std::vector<std::string>{dc_pool_name(-2), dc_pool_name(2)});
}

}  // namespace
}  // namespace mtp::actors
