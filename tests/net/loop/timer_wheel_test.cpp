#include "net/loop/timer_wheel.hpp"

#include <deque>
#include <map>

#include "tests/support/property.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

/// Counts firings of its timers, and may do something at each.
struct recorder final : timer_owner {
  void on_timer(timer& due) override {
    ++fired[&due];
    if (then) then(due);
  }
  std::map<const timer*, int> fired;
  std::function<void(timer&)> then;
};

constexpr steady_clock::time_point start{};

TEST_CASE("a timer fires once, not before its time and at most a tick late") {
  timer_wheel wheel{start};
  recorder owner;
  timer tested{owner};
  tested.arm(wheel, 100ms);
  CHECK(tested.armed());
  wheel.advance(start + 99ms);
  CHECK(owner.fired[&tested] == 0);
  wheel.advance(start + 100ms + timer_wheel::tick);
  CHECK(owner.fired[&tested] == 1);
  CHECK_FALSE(tested.armed());
  wheel.advance(start + 1h);
  CHECK(owner.fired[&tested] == 1);
}

TEST_CASE("a cancelled timer does not fire, an armed one can be armed anew") {
  timer_wheel wheel{start};
  recorder owner;
  timer tested{owner};
  timer two{owner};
  tested.arm(wheel, 50ms);
  two.arm(wheel, 50ms);
  tested.cancel();
  two.arm(wheel, 500ms);
  wheel.advance(start + 200ms);
  CHECK(owner.fired.empty());
  wheel.advance(start + 600ms);
  CHECK(owner.fired[&tested] == 0);
  CHECK(owner.fired[&two] == 1);
}

TEST_CASE("a timer that goes out of scope is forgotten") {
  timer_wheel wheel{start};
  recorder owner;
  {
    timer tested{owner};
    tested.arm(wheel, 50ms);
  }
  CHECK_FALSE(wheel.idle_time(start));
  wheel.advance(start + 1s);
  CHECK(owner.fired.empty());
}

TEST_CASE("timers may be armed and cancelled while others fire") {
  timer_wheel wheel{start};
  recorder owner;
  timer first{owner};
  timer second{owner};
  first.arm(wheel, 50ms);
  second.arm(wheel, 50ms);
  owner.then = [&](timer& due) {
    if (&due == &first) {
      second.cancel();
      first.arm(wheel, 10ms);
    }
  };
  wheel.advance(start + 60ms);
  CHECK(owner.fired[&first] == 1);
  CHECK(owner.fired[&second] == 0);
  CHECK(first.armed());
  wheel.advance(start + 200ms);
  CHECK(owner.fired[&first] == 2);
}

TEST_CASE("delays beyond the last wheel's reach are kept") {
  timer_wheel wheel{start};
  recorder owner;
  timer tested{owner};
  tested.arm(wheel, 100h);
  for (auto at = start; at < start + 100h; at += 30min)
    wheel.advance(at);
  CHECK(owner.fired.empty());
  wheel.advance(start + 100h + timer_wheel::tick);
  CHECK(owner.fired[&tested] == 1);
}

TEST_CASE("a wheel that goes away lets its timers be") {
  recorder owner;
  timer tested{owner};
  {
    timer_wheel wheel{start};
    tested.arm(wheel, 50ms);
  }
  CHECK_FALSE(tested.armed());
}

TEST_CASE("any timers, armed, cancelled and advanced at will, fire when a sorted list says so") {
  test::check_property([] {
    timer_wheel wheel{start};
    recorder owner;
    std::deque<timer> timers;
    std::map<const timer*, steady_clock::time_point> due;
    for (int i = 0; i < 8; ++i)
      timers.emplace_back(owner);
    auto now = start;
    const auto steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
      auto& tested = timers[*rc::gen::inRange<std::size_t>(0, timers.size())];
      // From one tick to days.
      const auto span = std::chrono::milliseconds{std::int64_t{1} << *rc::gen::inRange(0, 28)} +
                        std::chrono::milliseconds{*rc::gen::inRange(0, 1000)};
      switch (*rc::gen::inRange(0, 4)) {
        case 0:
          tested.arm(wheel, span);
          due[&tested] = now + span;
          break;
        case 1:
          tested.cancel();
          due.erase(&tested);
          break;
        default: {
          const auto idle = wheel.idle_time(now);
          RC_ASSERT(idle.has_value() == !due.empty());
          now += span;
          owner.fired.clear();
          wheel.advance(now);
          for (const auto& [timer, count] : owner.fired) {
            RC_ASSERT(count == 1);
            // Never early; the wheel's present is at most a tick behind.
            RC_ASSERT(due.at(timer) <= now + timer_wheel::tick);
            RC_ASSERT(*idle <= span);
            due.erase(timer);
          }
          for (const auto& [timer, when] : due)
            RC_ASSERT(when + 2 * timer_wheel::tick > now);
        }
      }
    }
  });
}

TEST_CASE("idle_time never sleeps past a timer") {
  test::check_property([] {
    timer_wheel wheel{start};
    recorder owner;
    timer tested{owner};
    auto now = start + std::chrono::milliseconds{*rc::gen::inRange(0, 100'000)};
    wheel.advance(now);
    const auto delay = std::chrono::milliseconds{*rc::gen::inRange(1, 10'000'000)};
    tested.arm(wheel, delay);
    const auto armed_at = now;
    for (int wakeups = 0; owner.fired.empty(); ++wakeups) {
      RC_ASSERT(wakeups < 8);
      const auto idle = wheel.idle_time(now);
      RC_ASSERT(idle.has_value());
      now += *idle + 1us;
      wheel.advance(now);
    }
    RC_ASSERT(now - armed_at <= delay + 2 * timer_wheel::tick);
    RC_ASSERT(now - armed_at >= delay - timer_wheel::tick);
  });
}

}  // namespace
}  // namespace mtp::net
