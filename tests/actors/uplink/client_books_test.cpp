#include "actors/uplink/middle/client_books.hpp"

#include <doctest/doctest.h>

#include <map>

#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;
using amount = client_sums::amount;
using time_point = client_account::time_point;
/// What the books don't look at: a name.
using books = client_books<char>;

constexpr time_point start{1000s};

TEST_CASE("client_books: an ack is promised for a quarter of the window") {
  client_account account;
  // 128 bytes for each packet: 64 KiB are 86 of 640 bytes, but for 512.
  for (std::uint32_t i = 1; i < 86; ++i)
    CHECK_FALSE(account.take(640, i * 700));
  CHECK(account.unpromised_packets == 85);
  CHECK(account.take(640, 60'200) == stream::ack{.size = 86 * 640, .packets = 86});
  CHECK(account.unpromised_bytes == 0);
  CHECK(account.unpromised_packets == 0);
  CHECK(account.sent_until == 60'200);
  CHECK(account.take(64 * 1024, 200'000) == stream::ack{.size = 64 * 1024, .packets = 1});
}

TEST_CASE("client_books: which of its own limits a client exceeds") {
  client_account account{.unacked_bytes = 1000, .unacked_packets = 10};
  CHECK(account.excess({}).empty());
  CHECK(account.excess({.qlen = 10, .total_mem = 1000 + 10 * 128}).empty());
  CHECK(account.excess({.qlen = 9, .total_mem = 0}) == "message_queue_len");
  CHECK(account.excess({.qlen = 10, .total_mem = 1000 + 10 * 128 - 1}) == "total_memory");
}

TEST_CASE("client_books: which limit of the connection is exceeded") {
  books all;
  auto& a = all.add(1, 'a', false)->second.account;
  auto& b = all.add(2, 'b', false)->second.account;
  config::backpressure_settings limits{.bytes_total = 1000,
                                       .packets_total = 100,
                                       .bytes_per_upstream = std::nullopt,
                                       .packets_per_upstream = std::nullopt};
  const auto overflow = [&](bool paused = false) {
    return all.overflow(limits, all.size(), paused);
  };
  all.charge(a, 1000, 100, start);
  CHECK(overflow().empty());
  all.charge(b, 0, 1, start);
  CHECK(overflow() == "count_total");
  all.settle(a, 249, 30, start);
  CHECK(overflow().empty());
  // Paused at 1000, it goes on below 750.
  CHECK(overflow(true) == "bytes_total");
  all.settle(a, 1, 0, start);
  CHECK(overflow(true).empty());
  limits.packets_per_upstream = 35.5;
  CHECK(overflow().empty());
  limits.packets_per_upstream = 35.4;
  CHECK(overflow() == "count_per_upstream");
  limits.packets_per_upstream.reset();
  limits.bytes_per_upstream = 374;
  CHECK(overflow() == "bytes_per_upstream");
  // What waits for a client that is behind does not count.
  CHECK(all.set_slow_apart(start + 100ms, 100ms) == 2);
  CHECK(overflow().empty());
}

TEST_CASE("client_books: slow is one that waits for long without taking anything") {
  books all;
  auto& slow = all.add(1, 'a', false)->second.account;
  auto& quick = all.add(2, 'b', false)->second.account;
  all.add(3, 'c', false);
  all.charge(slow, 10, 1, start);
  all.charge(quick, 20, 2, start);
  all.charge(slow, 10, 1, start + 99ms);
  all.settle(quick, 10, 1, start + 50ms);
  CHECK(all.set_slow_apart(start + 99ms, 100ms) == 0);
  CHECK(all.set_slow_apart(start + 100ms, 100ms) == 1);
  CHECK(all.set_slow_apart(start + 100ms, 100ms) == 0);
  CHECK(slow.behind);
  CHECK(all.behind() == amount{20, 2});
  // Until it has taken all.
  all.settle(slow, 10, 1, start + 200ms);
  CHECK(slow.behind);
  CHECK(all.behind() == amount{10, 1});
  all.settle(slow, 10, 1, start + 200ms);
  CHECK_FALSE(slow.behind);
  CHECK(all.behind() == amount{});
}

TEST_CASE("client_books: of those behind, the ones with most go first") {
  books all;
  for (const stream_id id : {1U, 2U, 3U, 4U})
    all.charge(all.add(id, 'a', false)->second.account, id * 100, 1, start);
  CHECK(all.surplus(0).empty());
  all.set_slow_apart(start + 1s, 100ms);
  all.charge(all.add(5, 'a', false)->second.account, 5000, 1, start + 1s);
  CHECK(all.behind().bytes == 1000);
  CHECK(all.surplus(1000).empty());
  CHECK(all.surplus(999) == std::vector<stream_id>{4});
  CHECK(all.surplus(599) == std::vector<stream_id>{4, 3});
  CHECK(all.surplus(0) == std::vector<stream_id>{4, 3, 2, 1});
  CHECK(all.slowest()->first == 5);
}

TEST_CASE("client_books: claims of another node take nothing below zero") {
  books all;
  auto& account = all.add(1, 'a', true)->second.account;
  CHECK(all.elsewhere() == 1);
  all.charge(account, 500, 2, start);
  all.settle(account, 4'000'000'000U, 1, start);
  CHECK(all.unacked() == amount{0, 1});
  all.charge(account, 500, 1, start);
  // All packets are all bytes.
  all.settle(account, 0, 4'000'000'000U, start);
  CHECK(all.unacked() == amount{});
  all.clear();
  CHECK(all.elsewhere() == 0);
}

// -- a naive model --------------------------------------------------------------------------------

struct naive_client {
  bool elsewhere = false;
  bool behind = false;
  std::size_t bytes = 0;
  std::size_t packets = 0;
  time_point waits_since;
  /// All the client sent, and all that it was promised an ack for.
  std::size_t taken = 0;
  std::size_t promised = 0;
};

struct world {
  books all;
  std::map<stream_id, naive_client> model;
  time_point now = start;
  stream_id last = 0;
  std::uint64_t stream = 0;

  /// Any client; none is known at first.
  std::map<stream_id, naive_client>::iterator pick() {
    if (model.empty()) return model.end();
    return std::next(model.begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(model)));
  }
  void add() {
    const auto elsewhere = *rc::gen::arbitrary<bool>();
    all.add(++last, 'c', elsewhere);
    model[last] = {.elsewhere = elsewhere};
  }
  void charge(stream_id id, naive_client& client) {
    const auto size = *rc::gen::inRange<std::size_t>(0, 10'000);
    const auto packets = *rc::gen::inRange<std::size_t>(1, 5);
    all.charge(all.find(id)->second.account, size, packets, now);
    if (client.packets == 0) client.waits_since = now;
    client.bytes += size;
    client.packets += packets;
  }
  void settle(stream_id id, naive_client& client) {
    const auto size = *rc::gen::inRange<std::size_t>(0, 20'000);
    const auto packets = *rc::gen::inRange<std::size_t>(0, 10);
    all.settle(all.find(id)->second.account, size, packets, now);
    client.waits_since = now;
    client.packets = packets < client.packets ? client.packets - packets : 0;
    client.bytes = client.packets == 0 || size > client.bytes ? 0 : client.bytes - size;
    client.behind = client.behind && client.packets > 0;
  }
  void take(stream_id id, naive_client& client) {
    const auto size = *rc::gen::inRange<std::uint32_t>(0, 70'000);
    auto& account = all.find(id)->second.account;
    client.taken += credit_of(size, 1);
    const auto ack = account.take(size, stream += size + 40);
    if (ack) client.promised += credit_of(ack->size, ack->packets);
    RC_ASSERT(client.taken - client.promised < ack_step);
    RC_ASSERT(account.sent_until == stream);
  }
  void set_slow_apart() {
    std::size_t expected = 0;
    for (auto& [id, client] : model) {
      if (client.behind || client.packets == 0 || now - client.waits_since < 100ms) continue;
      client.behind = true;
      ++expected;
    }
    RC_ASSERT(all.set_slow_apart(now, 100ms) == expected);
  }
  void drop_surplus() {
    const auto limit = *rc::gen::inRange<std::size_t>(0, 50'000);
    const auto chosen = all.surplus(limit);
    for (const auto id : chosen) {
      // Each was needed, and none that stays behind has more.
      RC_ASSERT(all.behind().bytes > limit);
      RC_ASSERT(model.at(id).behind);
      for (const auto& [other, client] : model)
        if (client.behind) RC_ASSERT(client.bytes <= model.at(id).bytes);
      all.remove(all.find(id));
      model.erase(id);
    }
    RC_ASSERT(all.behind().bytes <= limit);
  }
  void step() {
    const auto kind = *rc::gen::inRange(0, 12);
    if (kind <= 1) return add();
    if (kind == 2) return set_slow_apart();
    if (kind == 3) return drop_surplus();
    if (kind <= 5) {
      now += std::chrono::milliseconds{*rc::gen::inRange(0, 80)};
      return;
    }
    const auto chosen = pick();
    if (chosen == model.end()) return;
    if (kind <= 7) return charge(chosen->first, chosen->second);
    if (kind <= 9) return settle(chosen->first, chosen->second);
    if (kind == 10) return take(chosen->first, chosen->second);
    all.remove(all.find(chosen->first));
    model.erase(chosen);
  }
  void compare() {
    amount unacked;
    amount behind;
    std::size_t elsewhere = 0;
    std::size_t unpromised = 0;
    std::size_t most = 0;
    for (const auto& [id, client] : model) {
      const auto known = all.find(id);
      RC_ASSERT(known != all.end());
      const auto& account = known->second.account;
      RC_ASSERT(account.behind == client.behind);
      RC_ASSERT(account.unacked_bytes == client.bytes);
      RC_ASSERT(account.unacked_packets == client.packets);
      unacked.bytes += client.bytes;
      unacked.packets += client.packets;
      behind.bytes += client.behind ? client.bytes : 0;
      behind.packets += client.behind ? client.packets : 0;
      elsewhere += client.elsewhere ? 1 : 0;
      unpromised += client.taken - client.promised;
      most = std::max(most, credit_of(client.bytes, client.packets));
    }
    RC_ASSERT(all.size() == model.size());
    RC_ASSERT(all.unacked() == unacked);
    RC_ASSERT(all.behind() == behind);
    RC_ASSERT(all.elsewhere() == elsewhere);
    RC_ASSERT(all.unpromised() == unpromised);
    const auto slowest = all.slowest();
    RC_ASSERT((slowest == all.end()) == model.empty());
    if (slowest == all.end()) return;
    const auto& account = slowest->second.account;
    RC_ASSERT(credit_of(account.unacked_bytes, account.unacked_packets) == most);
  }
};

TEST_CASE("client_books: as a naive map, whatever comes") {
  test::check_property([] {
    world both;
    const auto steps = *rc::gen::inRange(0, 200);
    for (int i = 0; i < steps; ++i) {
      both.step();
      both.compare();
    }
    both.all.clear();
    RC_ASSERT(both.all.size() == 0);
    RC_ASSERT(both.all.unacked() == amount{});
    RC_ASSERT(both.all.behind() == amount{});
    RC_ASSERT(both.all.elsewhere() == 0);
  });
}

}  // namespace
}  // namespace mtp::actors
