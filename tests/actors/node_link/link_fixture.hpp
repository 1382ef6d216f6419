// Both ends of a node link in one process, between a client's inbox and one that plays pool and DC
// connection.
#pragma once

#include <doctest/doctest.h>

#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/node_link/back_agent.hpp"
#include "actors/node_link/back_session.hpp"
#include "actors/node_link/front_agent.hpp"
#include "actors/node_link/link_gateway.hpp"
#include "actors/uplink/middle/dc_pool.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {

inline constexpr dc_id tested_dc = 2;
inline constexpr stream_id remote = 77;

/// Of a later build: it has capabilities that we do not know, and says more than we read.
inline const link_offer later_offer{
    .highest = 9, .lowest = 4, .capabilities = ~std::uint64_t{0}, .additions = {0xe0, 0xe1, 0xe2}};

inline stream::data packet(std::size_t size, std::uint8_t fill = 1, bool quick_ack = false) {
  return {.packet = packet_buffer{bytes(size, fill)}, .quick_ack = quick_ack};
}

struct link_fixture {
  using client_frames = std::vector<frame_to_client>;
  using dc_frames = std::vector<frame_from_client>;

  test::manual_node node;
  test::inbox<stream_opened, frame_to_client> client{node.system()};
  test::inbox<open_stream, frame_from_client, cancel_stream> dc{node.system()};
  caf::actor sup;
  caf::actor gateway;
  caf::actor front;
  caf::actor session_actor;

  link_fixture() {
    node.configure([&](auto& all) { all.process.through_link_agents = true; });
    auto config = std::make_shared<telegram_config>();
    config->v4.endpoints[tested_dc].push_back(*parse_endpoint("10.0.0.1:8888"));
    node.uplink.telegram.set(std::move(config));
    node.core.names.put(names::dc_pool(tested_dc), dc.handle());
    sup = spawn_supervisor(
        node.system(),
        {.name = "back_agent_sup",
         .strategy = supervision_strategy::simple_one_for_one,
         .children = {{.id = {}, .restart = restart_policy::temporary, .start = {}}}},
        node.core.names);
    node.core.names.put("back_agent_sup", sup);
    start_gateway();
    start_front();
    session_actor =
        net::spawn_pinned<local_back_session>(*node.core.reactors[0], std::ref(node.link), 0U);
    node.core.names.put(names::back_session(0), session_actor);
    connect();
  }
  link_fixture(const link_fixture&) = delete;
  link_fixture& operator=(const link_fixture&) = delete;
  link_fixture(link_fixture&&) = delete;
  link_fixture& operator=(link_fixture&&) = delete;
  ~link_fixture() {
    for (const auto& actor : {session_actor, front, gateway, sup})
      kill(actor);
  }

  void start_gateway() {
    gateway = net::spawn_quiet<caf::stateful_actor<link_gateway_state>>(
        node.system(), [this](auto* self) { return link_gateway(self, node.link); });
    node.core.names.put(std::string{names::link_gateway}, gateway);
  }
  void start_front() {
    front = net::spawn_pinned<front_agent>(*node.core.reactors[0], std::ref(node.link));
    node.core.names.put(names::front_agent(0), front);
    node.settle();
  }
  /// Lets what is to connect do so.
  void connect() {
    using namespace std::chrono_literals;
    for (int i = 0; i < 10; ++i)
      node.advance(100ms);
  }
  void kill(const caf::actor& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }
  void ask(stream_id id = remote, dc_id dc_wanted = tested_dc) {
    caf::anon_send(front, open_stream{.stream = id,
                                      .client = client.handle(),
                                      .request = {.dc = dc_wanted,
                                                  .client = *parse_endpoint("198.51.100.7:1234"),
                                                  .kind = framing::padded}});
    node.settle();
  }
  /// The number that the back knows the last stream by, and the actor that stands for its client.
  stream_id local() { return last_asked().stream; }
  caf::actor back() { return last_asked().client; }
  const open_stream& last_asked() {
    REQUIRE_FALSE(dc.all<open_stream>().empty());
    return dc.all<open_stream>().back();
  }
  void open(stream_id id = remote) {
    ask(id);
    caf::anon_send(back(), stream_opened{local(), dc.handle()});
    node.settle();
    REQUIRE_FALSE(client.all<stream_opened>().empty());
    CHECK(client.all<stream_opened>().back().stream == id);
    CHECK(client.all<stream_opened>().back().conn == front);
  }
  void from_client(event_from_client event, stream_id id = remote) {
    caf::anon_send(front, frame_from_client{id, std::move(event)});
    node.settle();
  }
  void from_dc(event_to_client event) {
    caf::anon_send(back(), frame_to_client{local(), std::move(event)});
    node.settle();
  }
  client_frames& at_client() { return client.all<frame_to_client>(); }
  dc_frames& at_dc() { return dc.all<frame_from_client>(); }

  template <class Answer, class Question>
  Answer ask_for(const caf::actor& whom, Question question) {
    Answer received;
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(whom, caf::infinite, question).then([&](const Answer& now) { received = now; });
    });
    node.settle();
    return received;
  }
  back_status status() { return ask_for<back_status>(session_actor, get_back_status{}); }
  std::vector<front_status> fronts() {
    return ask_for<std::vector<front_status>>(gateway, get_fronts{});
  }
};

}  // namespace mtp::actors
