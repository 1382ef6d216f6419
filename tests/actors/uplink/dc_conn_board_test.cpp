#include "actors/uplink/middle/dc_conn_board.hpp"

#include <doctest/doctest.h>

#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

struct fixture {
  caf::actor make() {
    return node.system().spawn(
        [](caf::event_based_actor*) -> caf::behavior { return {[](const caf::unit_t&) {}}; });
  }
  std::shared_ptr<dc_conn_load> load_of(std::size_t clients) {
    auto load = std::make_shared<dc_conn_load>();
    load->clients = clients;
    return load;
  }

  /// The actor that a client is to ask. Its request stays on its way.
  caf::actor actor_of(reservation reserved) {
    return std::move(reserved).redeem(on_their_way.emplace_back());
  }

  test::manual_node node{2};
  dc_conn_board& board = node.uplink.conns;
  std::vector<open_stream> on_their_way;
  caf::actor first = make();
  caf::actor second = make();

  ~fixture() {
    for (const auto& actor : {first, second})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }
};

TEST_CASE_FIXTURE(fixture, "board: the least loaded connection is taken, and counts its client") {
  const auto few = load_of(3);
  const auto many = load_of(5);
  board.offer(2, 0, first, many);
  board.offer(2, 0, second, few);
  CHECK(actor_of(board.take(2, 0, 300)) == second);
  CHECK(actor_of(board.take(2, 0, 300)) == second);
  CHECK(few->clients == 5);
  CHECK(few->given == 2);
  CHECK(many->clients == 5);
}

TEST_CASE_FIXTURE(fixture, "board: a reservation that is dropped makes room again") {
  const auto load = load_of(2);
  board.offer(2, 0, first, load);
  {
    const auto reserved = board.take(2, 0, 3);
    CHECK(reserved);
    CHECK(load->clients == 3);
    CHECK_FALSE(board.take(2, 0, 3));
    SUBCASE("where it was") {}
    SUBCASE("also if the connection was withdrawn meanwhile") {
      board.withdraw(2, 0, first);
    }
    SUBCASE("also if it was offered again, as its pool saw the count") {
      board.withdraw(2, 0, first);
      board.offer(2, 0, first, load);
    }
  }
  CHECK(load->clients == 2);
  CHECK(load->given == 1);
}

TEST_CASE_FIXTURE(fixture, "board: a full connection is not taken") {
  const auto load = load_of(2);
  board.offer(2, 0, first, load);
  CHECK(actor_of(board.take(2, 0, 3)) == first);
  CHECK(actor_of(board.take(2, 0, 3)) == nullptr);
  CHECK(load->clients == 3);
}

TEST_CASE_FIXTURE(fixture, "board: other reactors and DCs have shelves of their own") {
  board.offer(2, 0, first, load_of(0));
  CHECK(actor_of(board.take(2, 1, 300)) == nullptr);
  CHECK(actor_of(board.take(-2, 0, 300)) == nullptr);
}

TEST_CASE_FIXTURE(fixture, "board: what is withdrawn is gone, and only that") {
  const auto load = load_of(0);
  board.offer(2, 0, first, load);
  board.offer(2, 0, second, load_of(1));
  board.withdraw(2, 0, first);
  board.withdraw(2, 0, first);
  board.withdraw(4, 1, second);
  CHECK(actor_of(board.take(2, 0, 300)) == second);
  CHECK(load->given == 0);
  board.withdraw(2, 0, second);
  CHECK(actor_of(board.take(2, 0, 300)) == nullptr);
}

TEST_CASE_FIXTURE(fixture,
                  "routing: a connection with room before the pool, the pool before nobody") {
  auto config = std::make_shared<telegram_config>();
  config->v4.endpoints[2] = {{.ip = ip_address::v4({127, 0, 0, 1}), .port = 1}};
  config->v4.default_dc = 2;
  node.uplink.telegram.set(config);
  node.configure([&](auto& all) { all.uplink.clients_per_dc_connection = 1; });
  CHECK(actor_of(*node.uplink.reserve({.dc = 2}, 0)) == nullptr);
  node.core.names.put("dc_pool_2", second);
  CHECK(actor_of(*node.uplink.reserve({.dc = 2}, 0)) == second);
  board.offer(2, 0, first, load_of(0));
  CHECK(actor_of(*node.uplink.reserve({.dc = 77}, 0)) == first);  // unknown: the default DC
  CHECK(actor_of(*node.uplink.reserve({.dc = 2}, 0)) == second);  // full now
}

TEST_CASE_FIXTURE(fixture, "routing: a client that migrates goes to its own DC or nowhere") {
  const stream::open new_client{.dc = 4};
  const stream::open migrating{.dc = 4, .migrating = true};
  // Nothing is known yet: perhaps it will be.
  CHECK(actor_of(*node.uplink.reserve(migrating, 0)) == nullptr);
  auto config = std::make_shared<telegram_config>();
  config->v4.endpoints[2] = {{.ip = ip_address::v4({127, 0, 0, 1}), .port = 1}};
  config->v4.default_dc = 2;
  node.uplink.telegram.set(config);
  node.core.names.put("dc_pool_2", first);
  CHECK(actor_of(*node.uplink.reserve(new_client, 0)) == first);
  const auto refused = node.uplink.reserve(migrating, 0);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == refusal::unknown_dc);
  config = std::make_shared<telegram_config>(*config);
  config->v4.endpoints[4] = config->v4.endpoints[2];
  node.uplink.telegram.set(config);
  node.core.names.put("dc_pool_4", second);
  CHECK(actor_of(*node.uplink.reserve(migrating, 0)) == second);
}

}  // namespace
}  // namespace mtp::actors
