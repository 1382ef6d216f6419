// Whatever is sent through a relay arrives.
#include <rapidcheck.h>

#include <array>

#include "tests/net/relay/relay_fixture.hpp"
#include "tests/support/property.hpp"

namespace mtp::net {
namespace {

TEST_CASE("relay: both ends send and pause as they like, and all arrives") {
  test::check_property([] {
    relay_fixture world;
    world.join();
    struct direction {
      relayed_connection* from;
      heard_bytes* to;
      bytes data;
      std::size_t sent = 0;
    };
    std::array<direction, 2> ways{direction{&world.near, &world.at_far, {}, 0},
                                  direction{&world.far, &world.at_near, {}, 0}};
    for (auto& way : ways) {
      way.data.resize(*rc::gen::inRange<std::size_t>(0, 600'000));
      fill_random(way.data);
    }
    const auto steps = *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint32_t>>>(
        60, rc::gen::arbitrary<std::pair<std::uint8_t, std::uint32_t>>());
    for (const auto& [kind, amount] : steps) {
      auto& way = ways.at(kind % 2);
      const auto size = std::min<std::size_t>(way.data.size() - way.sent, amount % 200'000);
      const auto taken = ::send(way.from->theirs.get(), way.data.data() + way.sent, size,
                                MSG_DONTWAIT | MSG_NOSIGNAL);
      if (taken > 0) way.sent += static_cast<std::size_t>(taken);
      // One of them, or both, or none, take something.
      for (int turns = kind % 5; turns > 0; --turns)
        world.loop.turn();
      if ((kind & 0x20) != 0) world.at_far.listen(world.far.theirs.get());
      if ((kind & 0x40) != 0) world.at_near.listen(world.near.theirs.get());
    }
    RC_ASSERT(world.soon([&] {
      for (auto& way : ways) {
        const auto left = way.data.size() - way.sent;
        const auto taken = ::send(way.from->theirs.get(), way.data.data() + way.sent, left,
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken > 0) way.sent += static_cast<std::size_t>(taken);
      }
      return std::ranges::all_of(
          ways, [](const auto& way) { return way.to->data.size() == way.data.size(); });
    }));
    for (const auto& way : ways) {
      RC_ASSERT(way.to->data == way.data);
      way.from->finish();
    }
    RC_ASSERT(world.soon([&] { return world.at_far.ended && world.at_near.ended; }));
  });
}

TEST_CASE("relay: whatever is sent arrives, whole and in order") {
  test::check_property([] {
    relay_fixture world;
    const auto bulk = *rc::gen::inRange<std::size_t>(0, 400'000);
    bytes data(bulk);
    fill_random(data);
    const auto first = *rc::gen::inRange<std::size_t>(0, 2000);
    bytes head(first);
    fill_random(head);
    world.subject.send_to_far(head);
    world.join();
    std::size_t sent = 0;
    while (sent < bulk) {
      const auto size = std::min(bulk - sent, *rc::gen::inRange<std::size_t>(1, 100'000));
      const auto taken =
          ::send(world.near.theirs.get(), data.data() + sent, size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (taken > 0) sent += static_cast<std::size_t>(taken);
      world.turn();
    }
    world.near.finish();
    RC_ASSERT(world.soon([&] { return world.at_far.ended; }));
    append(head, data);
    RC_ASSERT(world.at_far.data == head);
  });
}

}  // namespace
}  // namespace mtp::net
