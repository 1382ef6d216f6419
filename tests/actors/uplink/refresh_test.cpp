// When Telegram's configuration is fetched, and what is kept of lists that lack something.
#include "actors/uplink/middle/lost_dcs.hpp"
#include "actors/uplink/middle/refresh_schedule.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;
using test::check_property;
using time_point = refresh_schedule::time_point;

constexpr time_point start{1000h};

TEST_CASE("refresh: after a good one, the interval and up to a tenth of it") {
  refresh_schedule schedule;
  schedule.begin(start);
  schedule.end(true, 3600s, 0, start + 2s);
  CHECK(schedule.next() == start + 2s + 3600s);
  schedule.end(true, 3600s, 0.5, start + 2s);
  CHECK(schedule.next() == start + 2s + 3780s);
}

TEST_CASE("refresh: after a failure 10 s, doubling up to the interval; a good one ends that") {
  refresh_schedule schedule;
  for (const auto wait : {10s, 20s, 40s, 80s, 100s, 100s}) {
    schedule.begin(start);
    schedule.end(false, 100s, 0, start);
    CHECK(schedule.next() == start + wait);
  }
  schedule.end(true, 100s, 0, start);
  schedule.end(false, 100s, 0, start);
  CHECK(schedule.next() == start + 10s);
}

TEST_CASE("refresh: what was asked for comes a minute after the last one began, and once") {
  refresh_schedule schedule;
  schedule.begin(start);
  schedule.end(true, 3600s, 0, start + 5s);
  schedule.ask();
  CHECK(schedule.next() == start + 60s);
  schedule.begin(start + 60s);
  schedule.end(true, 3600s, 0, start + 61s);
  CHECK(schedule.next() == start + 61s + 3600s);
  // Asked while one was under way: that one may not have it yet.
  schedule.begin(start + 2h);
  schedule.ask();
  schedule.end(true, 3600s, 0, start + 2h);
  CHECK(schedule.next() == start + 2h + 60s);
}

TEST_CASE("refresh: during an outage they are never more than a minute apart") {
  refresh_schedule schedule;
  schedule.set_outage(true);
  for (int i = 0; i < 10; ++i) {
    const auto now = start + i * 60s;
    schedule.begin(now);
    schedule.end(i % 2 == 0, 3600s, 0.9, now + 20s);
    CHECK(schedule.next() <= now + 60s);
    CHECK(schedule.next() >= now + 30s);
  }
  schedule.set_outage(false);
  schedule.end(true, 3600s, 0, start);
  CHECK(schedule.next() == start + 3600s);
}

TEST_CASE("refresh: a shorter interval stays what it is") {
  refresh_schedule schedule;
  schedule.begin(start);
  schedule.end(true, 5s, 0, start);
  schedule.ask();
  CHECK(schedule.next() == start + 5s);
}

dc_list list_of(std::initializer_list<dc_id> dcs, std::uint16_t port = 8888) {
  dc_list list;
  for (const auto dc : dcs)
    list.endpoints[dc] = {{.ip = ip_address::v4({10, 0, 0, 1}), .port = port}};
  return list;
}

TEST_CASE("lost DCs: one that a list lacks is kept for three hours") {
  lost_dcs lost;
  const auto known = list_of({2, 4});
  auto fetched = list_of({2});
  CHECK(lost.restore(fetched, known, start) == std::vector<dc_id>{4});
  CHECK(fetched == known);
  fetched = list_of({2});
  CHECK(lost.restore(fetched, known, start + 3h - 1s).empty());
  CHECK(fetched == known);
  fetched = list_of({2});
  CHECK(lost.restore(fetched, known, start + 3h).empty());
  CHECK(fetched == list_of({2}));
  // It is gone, and stays so.
  fetched = list_of({2});
  CHECK(lost.restore(fetched, list_of({2}), start + 4h).empty());
  CHECK(fetched == list_of({2}));
}

TEST_CASE("lost DCs: back in a list, it has what the list says, and three hours the next time") {
  lost_dcs lost;
  auto fetched = list_of({2});
  lost.restore(fetched, list_of({2, 4}), start);
  fetched = list_of({2, 4}, 443);
  CHECK(lost.restore(fetched, list_of({2, 4}), start + 2h).empty());
  CHECK(fetched == list_of({2, 4}, 443));
  fetched = list_of({2});
  CHECK(lost.restore(fetched, list_of({2, 4}, 443), start + 4h) == std::vector<dc_id>{4});
  CHECK(fetched.endpoints.at(4) == list_of({4}, 443).endpoints.at(4));
}

TEST_CASE("lost DCs: what is fetched always counts, and nothing is made up") {
  check_property([] {
    lost_dcs lost;
    dc_list known;
    auto now = start;
    // A bit for each DC that a list has.
    for (const auto dcs : *rc::gen::arbitrary<std::vector<std::uint8_t>>()) {
      dc_list fetched;
      for (dc_id dc = 0; dc < 8; ++dc)
        if ((dcs >> dc & 1) != 0)
          fetched.endpoints[dc] = {{.ip = ip_address::v4({10, 0, 0, 2}), .port = 443}};
      const auto before = fetched;
      lost.restore(fetched, known, now);
      for (const auto& [dc, endpoints] : before.endpoints)
        RC_ASSERT(fetched.endpoints.at(dc) == endpoints);
      for (const auto& [dc, endpoints] : fetched.endpoints)
        if (!before.endpoints.contains(dc)) RC_ASSERT(known.endpoints.at(dc) == endpoints);
      known = fetched;
      now += std::chrono::minutes{*rc::gen::inRange(0, 300)};
    }
  });
}

}  // namespace
}  // namespace mtp::actors
