#include "actors/uplink/middle/pool_policy.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <tuple>

#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;
using conn_number = pool_policy::conn_number;
using time_point = pool_policy::time_point;

constexpr time_point start{1000s};
constexpr dc_id tested_dc = 2;
constexpr std::size_t reactors = 4;

endpoint at(int index) {
  return *parse_endpoint("192.0.2." + std::to_string(index) + ":443");
}
endpoint v6_at(int index) {
  return *parse_endpoint("[2001:db8::" + std::to_string(index) + "]:443");
}

struct pool {
  pool_policy policy{tested_dc, reactors, [] { return 0.0; }};
  pool_limits limits{.minimum = 2, .clients_per_conn = 4, .idle_timeout = 300s};
  time_point now = start;

  pool_conn& add(unsigned reactor, const endpoint& to = at(1), bool spare = false) {
    return policy.add(reactor, to, spare, now);
  }
  pool_conn& add_ready(unsigned reactor, std::size_t clients = 0, const endpoint& to = at(1)) {
    auto& added = add(reactor, to);
    added.started = true;
    policy.became_ready(added, now);
    for (std::size_t i = 0; i < clients; ++i)
      added.load->add_client();
    return added;
  }
  std::size_t assign(pool_conn& to, unsigned reactor) {
    to.load->add_client();
    return policy.assign(to, reactor, limits, now);
  }
  std::optional<conn_number> next_idle() {
    policy.note_idle(now);
    return policy.next_idle(1000, limits, now);
  }
};

// -- clients --------------------------------------------------------------------------------------

TEST_CASE(
    "pool_policy: a client gets the least loaded connection of its reactor, until it is full") {
  pool p;
  CHECK(p.policy.choose(0, p.limits) == nullptr);
  p.add(0).ready = true;  // its actor is not known yet
  CHECK(p.policy.choose(0, p.limits) == nullptr);
  auto& here = p.add_ready(0, 4);
  auto& busier = p.add_ready(0, 5);
  auto& elsewhere = p.add_ready(1, 1);
  CHECK(p.policy.choose(0, p.limits) == &here);
  CHECK(p.policy.choose(1, p.limits) == &elsewhere);
  CHECK(p.policy.choose(2, p.limits) == &elsewhere);
  here.load->add_client();
  CHECK(p.policy.choose(0, p.limits) == &elsewhere);
  elsewhere.load->clients = 5;
  // All are equal: the oldest of its own.
  CHECK(p.policy.choose(0, p.limits) == &here);
  CHECK(&busier != &here);
}

TEST_CASE("pool_policy: a full connection brings two, a rush as many as ten") {
  pool p;
  auto& conn = p.add_ready(0, 3);
  CHECK(p.assign(conn, 0) == 0);
  CHECK(p.assign(conn, 0) == 2);
  CHECK(conn.load->clients == 5);
  p.add(0);
  p.add(0);
  // With some on their way that is enough, up to half as much again.
  CHECK(p.assign(conn, 0) == 0);
  CHECK(p.assign(conn, 0) == 8);
  // Overdue ones don't count.
  p.now += 250ms;
  CHECK(p.assign(conn, 0) == 10);
}

TEST_CASE("pool_policy: eight strangers within the idle time get a connection on their reactor") {
  pool p;
  p.limits.clients_per_conn = 100;
  auto& conn = p.add_ready(0);
  const auto assign = [&](unsigned reactor) { return p.assign(conn, reactor); };
  for (int i = 0; i < 7; ++i)
    CHECK(assign(1) == 0);
  CHECK(assign(1) == 1);
  CHECK(conn.strangers == std::vector{false, true, false, false});
  for (int i = 0; i < 7; ++i)
    CHECK(assign(2) == 0);
  p.now += 301s;
  CHECK(assign(2) == 0);
  // Not while there is one, perhaps on its way.
  p.add(3);
  for (int i = 0; i < 20; ++i)
    CHECK(assign(3) == 0);
}

TEST_CASE("pool_policy: after an outage clients wait for the connections on their way") {
  pool p;
  auto& up = p.add_ready(0, 6);
  CHECK_FALSE(p.policy.is_worth_waiting(up, p.limits, p.now));
  up.load->add_client();
  CHECK_FALSE(p.policy.is_worth_waiting(up, p.limits, p.now));
  p.add(1);
  CHECK(p.policy.is_worth_waiting(up, p.limits, p.now));
  p.now += 250ms;
  CHECK_FALSE(p.policy.is_worth_waiting(up, p.limits, p.now));
}

// -- how many -------------------------------------------------------------------------------------

TEST_CASE("pool_policy: the minimum, or enough for those who wait, but ten at most") {
  const pool_limits limits{.minimum = 2, .clients_per_conn = 300, .idle_timeout = 300s};
  CHECK(pool_policy::wanted(0, limits) == 2);
  CHECK(pool_policy::wanted(600, limits) == 2);
  CHECK(pool_policy::wanted(601, limits) == 3);
  CHECK(pool_policy::wanted(10'000, limits) == 10);
  CHECK(pool_policy::wanted(1, {.minimum = 0, .clients_per_conn = 0, .idle_timeout = 1s}) == 1);
  pool p;
  CHECK(p.policy.is_short(0, p.limits, p.now));
  p.add_ready(0);
  p.add(1);
  CHECK_FALSE(p.policy.is_short(0, p.limits, p.now));
  CHECK_FALSE(p.policy.some_overdue(p.now + 249ms));
  CHECK(p.policy.is_short(0, p.limits, p.now + 250ms));
  CHECK(p.policy.some_overdue(p.now + 250ms));
}

TEST_CASE("pool_policy: a connection has 250 ms for TCP, then a second for its handshake") {
  pool p;
  auto& conn = p.add(0);
  CHECK_FALSE(conn.overdue(start + 249ms));
  CHECK(conn.overdue(start + 250ms));
  p.policy.connected(conn, start + 200ms);
  CHECK_FALSE(conn.overdue(start + 1199ms));
  CHECK(conn.overdue(start + 1200ms));
  p.policy.became_ready(conn, start + 1300ms);
  CHECK_FALSE(conn.overdue(start + 1300ms));
}

TEST_CASE("pool_policy: the first one up gives up its rivals, as far as they are not needed") {
  pool p;
  p.limits.minimum = 1;
  auto& slow = p.add(0, at(1));
  p.now += 300ms;
  auto& spare = p.add(0, at(2), true);
  auto& winner = p.add_ready(0, 0, at(3));
  const auto beaten = p.policy.beaten_by(winner, 0, p.limits, p.now);
  CHECK(beaten.to_drop == std::vector{slow.number, spare.number});
  CHECK(beaten.overtaken == 1);
  for (const auto loser : beaten.to_drop)
    p.policy.remove(loser);
  // The overdue one's endpoint is not preferred for a while; the spare one's is.
  CHECK(p.policy.next_attempt(std::vector{at(1), at(2)}, false, p.now).to == at(2));
  CHECK(p.policy.next_attempt(std::vector{at(1)}, false, p.now).to == std::nullopt);
  CHECK(p.policy.next_attempt(std::vector{at(1)}, false, p.now).chance == p.now + 1s);
}

TEST_CASE("pool_policy: what is needed for the minimum is no surplus") {
  pool p;
  p.add(0, at(1), true);
  auto& winner = p.add_ready(0, 0, at(3));
  CHECK(p.policy.beaten_by(winner, 0, p.limits, p.now).to_drop.empty());
}

TEST_CASE("pool_policy: beyond the minimum, the newest without clients for 300 s is closed") {
  pool p;
  p.limits.minimum = 1;
  auto& oldest = p.add_ready(0);
  auto& middle = p.add_ready(0);
  auto& newest = p.add_ready(0);
  CHECK_FALSE(p.next_idle());
  p.now += 299s;
  newest.load->add_client();
  newest.load->clients -= 1;  // however short its stay
  CHECK_FALSE(p.next_idle());
  p.now += 1s;
  CHECK(p.next_idle() == middle.number);
  CHECK(p.policy.next_idle(middle.number, p.limits, p.now) == oldest.number);
  p.policy.remove(middle.number);
  p.now += 298s;
  CHECK(p.next_idle() == oldest.number);
  p.now += 1s;
  CHECK(p.next_idle() == newest.number);
  p.policy.remove(newest.number);
  CHECK_FALSE(p.next_idle());
}

TEST_CASE("pool_policy: an idle connection stays while the others are nearly full") {
  pool p;
  p.limits.minimum = 1;
  auto& busy = p.add_ready(0, 4);
  auto& idle = p.add_ready(0);
  p.now += 300s;
  // Three quarters of what one connection takes are 3 clients.
  CHECK_FALSE(p.next_idle());
  busy.load->clients = 3;
  CHECK(p.next_idle() == idle.number);
}

TEST_CASE("pool_policy: a reactor's only connection stays while clients from there are elsewhere") {
  pool p;
  p.limits.minimum = 1;
  auto& other = p.add_ready(0, 1);
  auto& only = p.add_ready(1);
  other.strangers[1] = true;
  p.now += 300s;
  CHECK_FALSE(p.next_idle());
  auto& second = p.add_ready(1, 1);
  CHECK(p.next_idle() == only.number);
  p.policy.remove(second.number);
  CHECK_FALSE(p.next_idle());
  other.strangers[1] = false;
  CHECK(p.next_idle() == only.number);
}

// -- where to -------------------------------------------------------------------------------------

TEST_CASE("pool_policy: whom a loss is blamed on") {
  pool p;
  const std::vector known{at(1)};
  const auto rests = [&] { return !p.policy.next_attempt(known, false, p.now).to; };
  SUBCASE("an attempt that failed") {
    p.policy.lost(p.add(0).number, {}, p.now);
    CHECK(rests());
    p.policy.forget_failures();
    CHECK_FALSE(rests());
  }
  SUBCASE("not one that failed over an offer of ours") {
    p.policy.lost(p.add(0).number, {.served = false, .forgiven = true}, p.now);
    CHECK_FALSE(rests());
  }
  SUBCASE("one that ended within 2 s and served nobody") {
    const auto conn = p.add_ready(0).number;
    p.now += 1999ms;
    p.policy.lost(conn, {}, p.now);
    CHECK(rests());
  }
  SUBCASE("while others go on, the next one waits a second, but the endpoint is healthy") {
    p.add_ready(0);
    p.policy.lost(p.add_ready(0).number, {}, p.now);
    CHECK(rests());
    p.now += 1s;
    CHECK_FALSE(rests());
    // One that fails would get one attempt at a time.
    p.add(0);
    CHECK_FALSE(rests());
  }
  SUBCASE("not one that served") {
    p.policy.lost(p.add_ready(0).number, {.served = true}, p.now);
    CHECK_FALSE(rests());
  }
  SUBCASE("not one that went on for longer") {
    const auto conn = p.add_ready(0).number;
    p.now += 2s;
    p.policy.lost(conn, {}, p.now);
    CHECK_FALSE(rests());
  }
}

TEST_CASE("pool_policy: the other family is tried beside an overdue connection") {
  pool p;
  const std::vector known{at(1), v6_at(1)};
  CHECK(p.policy.next_attempt(known, false, p.now).to == at(1));
  CHECK(p.policy.next_attempt(known, true, p.now).to == v6_at(1));
  p.add(0, at(1));
  p.now += 250ms;
  CHECK(p.policy.next_attempt(known, false, p.now).to == v6_at(1));
}

TEST_CASE("pool_policy: attempts to endpoints that are gone are in vain; with new keys, all are") {
  pool p;
  const auto to_known = p.add(0, at(1)).number;
  const auto to_gone = p.add(0, at(2)).number;
  p.add_ready(0, 0, at(2));
  CHECK(p.policy.in_vain(std::vector{at(1)}, false) == std::vector{to_gone});
  CHECK(p.policy.in_vain(std::vector{at(1)}, true) == std::vector{to_known, to_gone});
}

TEST_CASE("pool_policy: connections are spread over reactors, from another one for each DC") {
  pool p;
  std::array<int, reactors> count{};
  for (int i = 0; i < 8; ++i) {
    const auto reactor = p.policy.emptiest_reactor();
    if (i < 4) CHECK(reactor == static_cast<unsigned>((2 * tested_dc + i) % 4));
    p.add(reactor);
    ++count.at(reactor);
  }
  CHECK(count == std::array{2, 2, 2, 2});
  CHECK(pool_policy{-1, reactors, [] { return 0.0; }}.emptiest_reactor() == 3);
}

// -- whatever comes -------------------------------------------------------------------------------

const pool_conn* naive_choice(const pool& p, unsigned reactor) {
  std::map<std::tuple<bool, std::size_t, conn_number>, const pool_conn*> ranking;
  for (const auto& [number, conn] : p.policy.conns()) {
    if (!conn.takes_clients()) continue;
    const auto load = conn.load->clients.load();
    const bool far = conn.reactor != reactor || load > p.limits.clients_per_conn;
    ranking[{far, load, number}] = &conn;
  }
  return ranking.empty() ? nullptr : ranking.begin()->second;
}

TEST_CASE(
    "pool_policy: whatever comes, clients get the right connection and none is closed early") {
  test::check_property(
      [] {
        pool p;
        p.limits.minimum = *rc::gen::inRange<std::size_t>(0, 4);
        const auto steps = *rc::gen::inRange(0, 150);
        for (int i = 0; i < steps; ++i) {
          const auto& conns = p.policy.conns();
          auto* some = static_cast<pool_conn*>(nullptr);
          if (!conns.empty()) {
            const auto index = *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(conns));
            some = p.policy.find(std::next(conns.begin(), index)->first);
          }
          const auto reactor = *rc::gen::inRange(0U, unsigned{reactors});
          switch (*rc::gen::inRange(0, 7)) {
            case 0:
              p.add(reactor, at(*rc::gen::inRange(1, 4)));
              break;
            case 1:
              if (some != nullptr && !some->ready) {
                some->started = true;
                p.policy.became_ready(*some, p.now);
              }
              break;
            case 2:
              if (some != nullptr && some->load->clients > 0) --some->load->clients;
              break;
            case 3:
              if (some != nullptr) p.policy.lost(some->number, {}, p.now);
              break;
            case 4:
              p.now += std::chrono::seconds{*rc::gen::inRange(0, 200)};
              break;
            case 5: {
              auto* const chosen = p.policy.choose(reactor, p.limits);
              RC_ASSERT(chosen == naive_choice(p, reactor));
              if (chosen == nullptr) break;
              const auto coming = p.policy.on_their_way(p.now);
              const auto more = p.assign(*chosen, reactor);
              RC_ASSERT((more == 0 || more + coming <= pool_policy::burst_max));
              break;
            }
            default:
              while (const auto idle = p.next_idle()) {
                const auto& conn = *p.policy.find(*idle);
                RC_ASSERT(p.policy.ready() > p.limits.minimum);
                RC_ASSERT(conn.load->clients == 0);
                RC_ASSERT(p.now - conn.ready_since >= p.limits.idle_timeout);
                p.policy.remove(*idle);
              }
          }
          RC_ASSERT(p.policy.ready() + p.policy.on_their_way(p.now) <= conns.size());
        }
      },
      2);
}

}  // namespace
}  // namespace mtp::actors
