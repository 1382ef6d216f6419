#include "codecs/node_link/link_window.hpp"

#include <doctest/doctest.h>

namespace mtp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;

/// Sends all it may at once; the link carries `rate` bytes a second over `distance`. Returns the
/// size of the window after a while.
std::size_t size_on_link(double rate, std::chrono::milliseconds distance) {
  link_window window;
  link_window::time_point now;
  /// When each byte sent so far has been carried.
  auto carried = now;
  struct batch {
    std::uint64_t until;
    link_window::time_point confirmed;
  };
  std::deque<batch> on_its_way;
  std::uint64_t total = 0;
  for (const auto end = now + 60s; now < end; now += 5ms) {
    while (!on_its_way.empty() && on_its_way.front().confirmed <= now) {
      REQUIRE(window.taken(on_its_way.front().until, now));
      on_its_way.pop_front();
    }
    while (window.room() > 0) {
      const auto size = std::min(window.room(), window.blob_size());
      window.sent(size, now);
      total += size;
      carried = std::max(carried, now) +
                std::chrono::duration_cast<link_window::duration>(
                    std::chrono::duration<double>{static_cast<double>(size) / rate});
      on_its_way.push_back({.until = total, .confirmed = carried + distance});
    }
  }
  return window.size();
}

TEST_CASE("link window: a fast link is busy, near or far, and a near one with little") {
  CHECK(size_on_link(1e9, 300ms) == link_window::largest);
  CHECK(size_on_link(1e9, 20ms) >= 2000 * 1000);
  CHECK(size_on_link(1e9, 0ms) == 1024 * kib);
}

TEST_CASE("link window: on a slow link what waits is carried within about a second") {
  const auto quarter_mbit = size_on_link(256e3 / 8, 50ms);
  CHECK(quarter_mbit <= 48 * kib);
  const auto mbit = size_on_link(1e6 / 8, 300ms);
  CHECK(mbit >= 32 * kib);
  CHECK(mbit <= 256 * kib);
  const auto hundred_mbit = size_on_link(100e6 / 8, 30ms);
  CHECK(hundred_mbit >= 1024 * kib);
}

TEST_CASE("link window: blobs are small where they take long") {
  link_window window;
  link_window::time_point now;
  std::uint64_t total = 0;
  const auto fill = [&](int times, std::chrono::milliseconds confirmed_after) {
    for (int i = 0; i < times; ++i) {
      total += window.room();
      window.sent(window.room(), now);
      now += confirmed_after;
      REQUIRE(window.taken(total, now));
    }
  };
  fill(10, 1ms);
  CHECK(window.blob_size() == 64 * kib);
  fill(10, 2s);
  CHECK(window.size() == link_window::smallest);
  CHECK(window.blob_size() == 16 * kib);
}

TEST_CASE("link window: a peer that has taken more than it was sent, or takes it back, is caught") {
  link_window window;
  const link_window::time_point now;
  window.sent(1000, now);
  CHECK(window.room() == link_window::first_size - 1000);
  CHECK_FALSE(window.taken(1001, now));
  CHECK(window.taken(600, now));
  CHECK(window.in_flight() == 400);
  CHECK_FALSE(window.taken(599, now));
  CHECK(window.taken(600, now));
  CHECK(window.taken(1000, now));
  CHECK(window.in_flight() == 0);
}

TEST_CASE("link window: it does not grow when nobody wants more") {
  link_window window;
  link_window::time_point now;
  std::uint64_t total = 0;
  for (int i = 0; i < 1000; ++i) {
    window.sent(1000, now);
    now += 1ms;
    REQUIRE(window.taken(total += 1000, now));
  }
  CHECK(window.size() == link_window::first_size);
}

}  // namespace
}  // namespace mtp
