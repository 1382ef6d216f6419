// dc_config with stand-ins for everybody that it speaks to.
#pragma once

#include "actors/uplink/middle/dc_config.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "actors/core/supervisor.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/process.hpp"

namespace mtp::actors {

using namespace std::chrono_literals;

/// dc_config with a fetcher that the test answers for, and a supervisor that only notes which pools
/// are wanted.
struct config_fixture {
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

  config_fixture() {
    node.configure([&](auto& settings) {
      settings.process.state_dir = directory.path();
      settings.uplink.proxy_secret_url = "secret";
      settings.uplink.proxy_config_url = "v4";
      settings.uplink.proxy_config_v6_url = "v6";
      settings.uplink.ip_lookup_services.clear();
      settings.uplink.ip_lookup_always = true;
      settings.uplink.core_api_http_timeout = 3s;
      settings.uplink.conf_refresh_interval = 3600s;
    });
    node.uplink.address_found = [this](const ip_address& ours) { found.push_back(ours); };
    start_fetcher();
    node.core.names.put("dc_pool_sup",
                        node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
                          return {[this](const start_child& order) {
                                    pools.push_back(order.id);
                                    node.core.names.put(order.id, pool.handle());
                                    return pool.handle();
                                  },
                                  [this](const stop_child& order) { stopped.push_back(order.id); }};
                        }));
  }
  config_fixture(const config_fixture&) = delete;
  config_fixture& operator=(const config_fixture&) = delete;
  config_fixture(config_fixture&&) = delete;
  config_fixture& operator=(config_fixture&&) = delete;
  ~config_fixture() {
    caf::anon_send_exit(config, caf::exit_reason::kill);
    for (const auto* const name : {"http_fetcher", "dc_pool_sup"})
      caf::anon_send_exit(node.core.names.find(name), caf::exit_reason::kill);
    node.settle();
  }

  void start_fetcher() {
    node.core.names.put(
        "http_fetcher", node.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
          return {[this, self](const http_fetch& asked) -> caf::result<http_answer> {
                    auto reply = self->make_response_promise();
                    fetches.push_back({asked.request, reply});
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
    config = node.system().spawn([this](caf::stateful_actor<dc_config_state>* self) {
      return dc_config(self, node.uplink);
    });
    node.settle();
  }
  void answer(const std::string& url, tl::expected<std::string, std::string> body,
              std::optional<std::chrono::seconds> clock_ahead = {}) {
    REQUIRE_FALSE(fetches.empty());
    CHECK(fetches.front().request.url == url);
    caf::anon_send(node.core.names.find("http_fetcher"), http_answer{std::move(body), clock_ahead});
    node.settle();
  }
  template <class Message>
  void tell(const Message& message) {
    caf::anon_send(config, message);
    node.settle();
  }
  void refuse(const std::string& url) { answer(url, tl::unexpected<std::string>{"refused"}); }
  void answer_well() {
    answer("secret", std::string(128, '\x5e'));
    answer("v4", "default 2;\nproxy_for 2 10.0.0.2:8888;\nproxy_for -2 10.0.0.3:8888;\n");
    answer("v6", "proxy_for 2 [2001:db8::2]:443;\n");
  }
  [[nodiscard]] std::shared_ptr<const telegram_config> known() const {
    return node.uplink.telegram.get();
  }
};

}  // namespace mtp::actors
