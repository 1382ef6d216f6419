// The watch of silence, in times of its own. With limits of 6 s and 30 s a look is due every 3 s
// while an answer is owed.
#include "actors/uplink/middle/silence_watch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;
using action = silence_watch::action;
using time_point = silence_watch::time_point;
using duration = silence_watch::duration;

constexpr silence_watch::limits within{.stall = 6s, .ping_interval = 30s};
constexpr time_point start{1000s};

/// A watch and its timer. Times are since `start`.
struct watched {
  silence_watch watch;
  silence_watch::observation seen{.now = start};
  time_point due = start + within.ping_interval;
  /// When it pinged, and when it gave up.
  std::vector<duration> pings;
  std::optional<duration> given_up;
  std::string_view missing;

  void look() {
    const auto verdict = watch.look(seen, within);
    if (verdict.decision == action::replace) {
      given_up = seen.now - start;
      missing = verdict.missing;
      return;
    }
    if (verdict.decision == action::ping) pings.push_back(seen.now - start);
    RC_ASSERT(verdict.next > 0s);
    due = seen.now + verdict.next;
  }
  /// Looks whenever one is due.
  void run_until(duration when) {
    while (!given_up && due <= start + when) {
      seen.now = std::max(seen.now, due);
      look();
    }
    seen.now = start + when;
  }
  void send() {
    if (watch.sent(seen.now)) due = seen.now + silence_watch::first_look(within.stall);
  }
  void hear() { watch.heard(seen.now); }
  void resume() {
    seen.paused = false;
    watch.resumed(seen.now);
    due = seen.now + silence_watch::first_look(within.stall);
  }
};

using times = std::vector<duration>;

TEST_CASE("silence_watch: without traffic, a ping every 30 s; without a pong, the end") {
  watched conn;
  conn.run_until(30s);
  CHECK(conn.pings == times{30s});
  conn.run_until(31s);
  conn.hear();
  // A look at 33 s finds nothing owed; 30 s later it pings.
  conn.run_until(63s);
  CHECK(conn.pings == times{30s, 63s});
  conn.run_until(68'999ms);
  CHECK(!conn.given_up);
  conn.run_until(69s);
  CHECK(conn.given_up == 69s);
  CHECK(conn.missing == "no answer");
}

TEST_CASE("silence_watch: a request without an answer: a ping after 3 s, the end after 6 s") {
  watched conn;
  conn.run_until(10s);
  conn.send();
  CHECK(conn.watch.unanswered_since() == start + 10s);
  conn.run_until(60s);
  CHECK(conn.pings == times{13s});
  CHECK(conn.given_up == 16s);
}

TEST_CASE("silence_watch: what came after a request need not be its answer: a ping asks") {
  watched conn;
  conn.send();
  conn.run_until(1s);
  conn.hear();
  CHECK(!conn.watch.unanswered_since());
  conn.run_until(60s);
  CHECK(conn.pings == times{3s});
  // 6 s after the last bytes.
  CHECK(conn.given_up == 7s);
}

TEST_CASE("silence_watch: a late look gives the ping half of its time at least") {
  watched conn;
  conn.send();
  conn.seen.now = start + 60s;
  conn.look();
  CHECK(conn.pings == times{60s});
  CHECK(conn.due == start + 61'500ms);
}

TEST_CASE("silence_watch: bytes that wait to be read are read before it gives up") {
  watched conn;
  conn.send();
  conn.run_until(4s);
  REQUIRE(conn.pings.size() == 1);
  conn.seen.now = start + 60s;
  conn.seen.unread = true;
  conn.look();
  CHECK(!conn.given_up);
  CHECK(conn.due == start + 60s + 1ms);
  conn.seen.unread = false;
  conn.run_until(60s + 1ms);
  CHECK(conn.given_up == 60s + 1ms);
}

TEST_CASE("silence_watch: nothing taken for 6 s, whatever arrives meanwhile") {
  watched conn;
  conn.seen.written = 1'000'000;
  conn.seen.taken = 1000;
  conn.send();
  conn.watch.blocked(conn.seen.now, 1000);
  CHECK(conn.watch.is_blocked());
  for (auto when = 100ms; when < 6s; when += 100ms) {
    conn.run_until(when);
    conn.hear();
  }
  CHECK(!conn.given_up);
  conn.run_until(6s);
  CHECK(conn.given_up == 6s);
  CHECK(conn.missing == "nothing taken");
}

TEST_CASE("silence_watch: what is not taken is found on time, between two looks for an answer") {
  watched conn;
  conn.seen.written = 1'000'000;
  conn.send();
  conn.run_until(1s);
  conn.watch.blocked(conn.seen.now, 0);
  for (auto when = 1100ms; when <= 10s; when += 100ms) {
    conn.run_until(when);
    conn.hear();
  }
  CHECK(conn.given_up == 7s);
}

TEST_CASE("silence_watch: a little that is taken between two looks is no stall") {
  watched conn;
  conn.seen.written = 1'000'000;
  conn.send();
  conn.watch.blocked(conn.seen.now, 0);
  for (auto when = 1s; when <= 60s; when += 1s) {
    conn.run_until(when);
    conn.seen.taken += 10;
  }
  // Nor does the ping, for which so much is in front, count as unanswered.
  CHECK(conn.pings.size() == 1);
  CHECK(!conn.given_up);
  conn.run_until(100s);
  // The last bytes were seen at a look, 3 s after them at most.
  REQUIRE(conn.given_up);
  CHECK(*conn.given_up >= 66s);
  CHECK(*conn.given_up <= 69s);
}

TEST_CASE("silence_watch: a ping that has been taken is not in line any more") {
  watched conn;
  conn.seen.written = 100;
  conn.send();
  conn.run_until(5s);
  REQUIRE(conn.pings == times{3s});
  conn.seen.taken = 100;
  conn.run_until(60s);
  CHECK(conn.given_up == 6s);
}

TEST_CASE("silence_watch: nobody is blamed in a pause; after it, the whole time is there again") {
  watched conn;
  conn.send();
  conn.watch.blocked(conn.seen.now, 0);
  conn.seen.paused = true;
  conn.run_until(300s);
  CHECK(!conn.given_up);
  CHECK(conn.pings.empty());
  conn.resume();
  conn.run_until(305'999ms);
  CHECK(!conn.given_up);
  CHECK(conn.pings == times{303s});
  conn.run_until(400s);
  CHECK(conn.given_up == 306s);
}

TEST_CASE("silence_watch: whatever is sent and heard, silence is found in time and not before") {
  test::check_property(
      [] {
        watched conn;
        duration now{0};
        // The latest, and the first thing sent after that, pings among it.
        duration heard{0};
        std::vector<duration> unanswered;
        auto note_pings = [&, seen = std::size_t{0}]() mutable {
          for (; seen < conn.pings.size(); ++seen)
            unanswered.push_back(conn.pings[seen]);
        };
        for (const auto& [is_send, pause] : *rc::gen::container<std::vector<std::pair<bool, int>>>(
                 rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange(1, 40'000)))) {
          now += std::chrono::milliseconds{pause};
          conn.run_until(now);
          note_pings();
          if (conn.given_up) break;
          if (is_send) {
            conn.send();
            unanswered.push_back(now);
          } else {
            conn.hear();
            heard = now;
            unanswered.clear();
          }
        }
        // From here on Telegram is silent.
        conn.run_until(now + within.ping_interval + 2 * within.stall);
        note_pings();
        RC_ASSERT(conn.given_up);
        RC_ASSERT(*conn.given_up - heard >= within.stall);
        RC_ASSERT(!conn.pings.empty());
        RC_ASSERT(*conn.given_up - conn.pings.back() >= within.stall / 4);
        RC_ASSERT(*conn.given_up - (unanswered.empty() ? heard : unanswered.front()) <=
                  within.stall);
      },
      5);
}

TEST_CASE(
    "silence_watch: a middle proxy that answers pings in a fifth of the time is never blamed") {
  test::check_property(
      [] {
        watched conn;
        duration now{0};
        std::size_t answered = 0;
        for (const auto pause : *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 5000))) {
          const auto until = now + std::chrono::milliseconds{pause};
          for (; now < until; now += 100ms) {
            conn.run_until(now);
            RC_ASSERT(!conn.given_up);
            if (answered == conn.pings.size() || now - conn.pings.back() < within.stall / 5)
              continue;
            answered = conn.pings.size();
            conn.hear();
          }
          conn.run_until(now);
          conn.send();
        }
        // A busy connection is not pinged all the time.
        RC_ASSERT(conn.pings.size() <= static_cast<std::size_t>(now / (within.stall / 2)) + 1);
      },
      5);
}

}  // namespace
}  // namespace mtp::actors
