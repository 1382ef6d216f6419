// What a back remembers of handshakes that fronts have seen, and whom it tells of them.
#include "actors/node_link/seen_exchange.hpp"

#include <doctest/doctest.h>

#include "codecs/node_link/seen_batch.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t unix_now = 1'800'000'000;

replay_record handshake(std::uint32_t number) {
  replay_record record{.used = unix_now};
  store_le(byte_span{record.fingerprint}, number);
  return record;
}
using handshakes = std::vector<replay_record>;

handshakes many(std::uint32_t first, std::size_t count) {
  handshakes all;
  for (std::uint32_t i = 0; i < count; ++i)
    all.push_back(handshake(first + i));
  return all;
}

struct exchange_fixture {
  seen_exchange seen;
  seen_exchange::time_point now = std::chrono::steady_clock::now();
  std::vector<std::string> linked;

  seen_exchange::predicate is_linked() {
    return [this](const std::string& front) {
      return std::ranges::find(linked, front) != linked.end();
    };
  }
  std::size_t add(const std::string& front, const handshakes& told) {
    return seen.add(front, process_of(front), told, now, is_linked());
  }
  static std::uint64_t process_of(const std::string& front) {
    return std::hash<std::string>{}(front);
  }
  void join(std::uint64_t session, const std::string& front) {
    seen.join(session, process_of(front));
  }
  /// All that a session gets of what a front has told.
  handshakes take(std::uint64_t session, const std::string& front) {
    handshakes all;
    while (const auto next = seen.next(session, front)) {
      all.insert(all.end(), next->handshakes.begin(), next->handshakes.end());
      seen.confirm(session, front);
    }
    return all;
  }
};

TEST_CASE_FIXTURE(exchange_fixture,
                  "seen exchange: what a front tells is for all that want it, but itself") {
  join(1, "a");
  join(2, "b");
  CHECK(add("a", {handshake(1)}) == 0);
  CHECK(take(1, "a").empty());
  CHECK(take(2, "a") == handshakes{handshake(1)});
  CHECK(take(2, "a").empty());
  CHECK(take(3, "a").empty());
  // A later one gets what is remembered.
  CHECK(add("a", {handshake(2)}) == 0);
  join(3, "c");
  CHECK(take(3, "a") == many(1, 2));
  CHECK(take(2, "a") == handshakes{handshake(2)});
  // And so does a front that comes again.
  seen.end(2);
  CHECK(take(2, "a").empty());
  join(4, "b");
  CHECK(take(4, "a") == many(1, 2));
  CHECK(seen.readers() == std::vector<std::uint64_t>{1, 3, 4});
  seen.leave(4);
  CHECK(add("a", {handshake(3)}) == 0);
  CHECK(take(4, "a").empty());
  join(4, "b");
  CHECK(take(4, "a") == many(1, 3));
}

TEST_CASE_FIXTURE(exchange_fixture, "seen exchange: fronts of one name hear of each other") {
  seen.join(1, 101);
  seen.join(2, 102);
  CHECK(seen.add("front", 101, many(0, 2000), now, is_linked()) == 0);
  CHECK(take(1, "front").empty());
  CHECK(seen.add("front", 102, many(2000, 5), now, is_linked()) == 0);
  CHECK(take(1, "front") == many(2000, 5));
  CHECK(take(2, "front") == many(0, 2000));
}

TEST_CASE_FIXTURE(exchange_fixture, "seen exchange: a session gets no more than it confirms") {
  CHECK(add("a", many(0, 3000)) == 0);
  join(2, "b");
  const auto first = seen.next(2, "a");
  REQUIRE(first);
  CHECK(first->handshakes.size() == max_seen_records);
  CHECK_FALSE(seen.next(2, "a"));
  // Not by asking for all of it again, either.
  seen.leave(2);
  join(2, "b");
  CHECK_FALSE(seen.next(2, "a"));
  seen.confirm(2, "a");
  CHECK(take(2, "a").size() == 3000);
  // Each front's has its turn.
  CHECK(add("c", {handshake(1)}) == 0);
  CHECK(add("a", {handshake(1)}) == 0);
  CHECK(seen.next(2, "a"));
  CHECK(seen.next(2, "c"));
}

TEST_CASE_FIXTURE(exchange_fixture,
                  "seen exchange: a front that tells too much loses what it tells") {
  constexpr auto at_once = seen_ring_size;
  CHECK(add("a", many(0, at_once + 10)) == 10);
  CHECK(add("a", many(0, 10)) == 10);
  now += 1s;
  CHECK(add("a", many(0, 5000)) == 5000 - 4096);
  CHECK(add("b", many(0, 10)) == 0);
  // A usual front keeps to a batch in 250 ms.
  for (int i = 0; i < 100; ++i) {
    now += 250ms;
    CHECK(add("c", many(0, max_seen_records)) == 0);
  }
}

TEST_CASE_FIXTURE(exchange_fixture,
                  "seen exchange: fronts are forgotten when they are gone or not allowed") {
  linked = {"a"};
  for (const auto* const front : {"a", "b", "c"})
    CHECK(add(front, {handshake(1)}) == 0);
  const auto forget = [&](const std::string& forbidden) {
    seen.forget(now, is_linked(), [&](const std::string& front) { return front != forbidden; });
  };
  forget("c");
  CHECK(seen.fronts() == std::vector<std::string>{"a", "b"});
  now += seen_exchange::memory_of_gone + 1s;
  forget("");
  CHECK(seen.fronts() == std::vector<std::string>{"a"});
  forget("a");
  CHECK(seen.empty());
  // One that comes back begins anew, for its readers too.
  join(9, "z");
  CHECK(add("a", many(0, 10)) == 0);
  CHECK(take(9, "a") == many(0, 10));
  forget("a");
  CHECK(add("a", many(20, 5)) == 0);
  CHECK(take(9, "a") == many(20, 5));
  CHECK_FALSE(seen.next(9, "nobody"));
}

TEST_CASE_FIXTURE(exchange_fixture,
                  "seen exchange: too many fronts push out those without a session only") {
  for (std::size_t i = 0; i < seen_exchange::max_fronts; ++i) {
    linked.push_back("front" + std::to_string(i));
    now += 1s;
    CHECK(add(linked.back(), {handshake(1)}) == 0);
  }
  CHECK(add("another", {handshake(1)}) == 1);
  std::erase(linked, "front7");
  std::erase(linked, "front3");
  CHECK(add("another", {handshake(1)}) == 0);
  const auto has = [&](const std::string& front) {
    const auto all = seen.fronts();
    return std::ranges::find(all, front) != all.end();
  };
  CHECK(has("another"));
  CHECK_FALSE(has("front3"));
  CHECK(has("front7"));
  CHECK(seen.fronts().size() == seen_exchange::max_fronts);
}

TEST_CASE("seen exchange: whatever one front does, all hear of what the others have seen") {
  test::check_property([] {
    exchange_fixture here;
    here.linked = {"a", "b", "bad"};
    here.join(1, "a");
    here.join(2, "b");
    here.join(3, "bad");
    std::uint32_t number = 0;
    std::map<std::string, handshakes> told;
    std::map<std::string, handshakes> heard;
    const auto hear = [&](std::uint64_t session, const std::string& front, handshakes& into) {
      const auto got = here.take(session, front);
      into.insert(into.end(), got.begin(), got.end());
    };
    for (const auto& [kind, size, wait] :
         *rc::gen::arbitrary<std::vector<std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>>>()) {
      here.now += std::chrono::milliseconds{wait};
      switch (kind % 6) {
        case 0:
        case 1: {
          const std::string front = kind % 6 == 0 ? "a" : "b";
          const auto fresh = many(number, size % 4);
          number += size % 4;
          told[front].insert(told[front].end(), fresh.begin(), fresh.end());
          RC_ASSERT(here.add(front, fresh) == 0U);
          break;
        }
        case 2:
          static_cast<void>(here.add("bad", many(number - size, std::size_t{size} * 64)));
          break;
        case 3:
          here.seen.leave(3);
          here.join(3, "bad");
          static_cast<void>(here.seen.next(3, "a"));
          break;
        case 4:
          hear(1, "b", heard["b"]);
          hear(1, "bad", heard["bad"]);
          break;
        default:
          hear(2, "a", heard["a"]);
      }
    }
    hear(1, "b", heard["b"]);
    hear(2, "a", heard["a"]);
    RC_ASSERT(heard["a"] == told["a"]);
    RC_ASSERT(heard["b"] == told["b"]);
  });
}

}  // namespace
}  // namespace mtp::actors
