#include "codecs/node_link/link_channel.hpp"

#include <deque>
#include <map>
#include <set>

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using namespace std::chrono_literals;
using test::check_property;

constexpr std::uint64_t session = 5;
constexpr std::size_t kib = 1024;
const link_channel::time_point start;

stream_frame data_frame(stream_id stream, std::size_t size, std::uint8_t fill = 0x11,
                        bool quick_ack = false) {
  return {
      .stream = stream,
      .event = stream::data{.packet = packet_buffer{bytes(size, fill)}, .quick_ack = quick_ack}};
}

/// One end, and what has come to it.
struct end {
  link_channel channel{session};
  std::vector<stream_frame> arrived;
  std::set<stream_id> unknown;

  result<void> take(byte_view blob, link_channel::time_point now = start) {
    return channel.take(
        blob, now,
        [this](stream_id stream, const stream_part&) { return !unknown.contains(stream); },
        [this](stream_frame&& frame) {
          arrived.push_back(std::move(frame));
          return true;
        });
  }
  /// Gives all blobs it may send now to `to`. Returns how many.
  int send_all(end& to, link_channel::time_point now = start) {
    int count = 0;
    for (auto blob = channel.next_blob(now); !blob.empty();
         blob = channel.next_blob(now), ++count) {
      REQUIRE(blob.size() <= max_stream_blob);
      REQUIRE(to.take(blob, now));
    }
    return count;
  }
  /// Nothing waits and nothing is on its way to the peer.
  [[nodiscard]] bool is_at_rest() const {
    return channel.queued() == 0 && channel.window().in_flight() == 0;
  }
};

TEST_CASE("link channel: what is sent in one turn goes in one blob, in order") {
  end a;
  end b;
  const std::vector<stream_frame> sent{
      {.stream = 1, .event = stream::open{.dc = 2}},
      {.stream = 1, .event = stream::ack{.size = 5, .packets = 1}},
      data_frame(1, 100, 0x22, true),
      {.stream = 2, .event = stream::close{}},
  };
  for (auto frame : sent)
    a.channel.send(std::move(frame));
  CHECK(a.send_all(b) == 1);
  CHECK(b.arrived == sent);
  CHECK(a.channel.next_blob(start).empty());
}

TEST_CASE("link channel: a large packet arrives whole") {
  end a;
  end b;
  a.channel.send(data_frame(1, 50 * kib, 0x22, true));
  // What comes later waits behind it; others do not.
  a.channel.send({.stream = 1, .event = stream::close{}});
  a.channel.send({.stream = 2, .event = stream::opened{}});
  CHECK(a.send_all(b) > 1);
  REQUIRE(b.arrived.size() == 3);
  CHECK(b.arrived[0] == stream_frame{.stream = 2, .event = stream::opened{}});
  CHECK(b.arrived[1] == data_frame(1, 50 * kib, 0x22, true));
  CHECK(b.arrived[2] == stream_frame{.stream = 1, .event = stream::close{}});
  CHECK(a.channel.held() == 0);
  CHECK(b.channel.held() == 0);
}

TEST_CASE("link channel: data waits for room, other frames do not") {
  end a;
  end b;
  for (int i = 0; i < 100; ++i)
    a.channel.send(data_frame(1, 10 * kib));
  bytes last;
  std::size_t on_link = 0;
  for (auto blob = a.channel.next_blob(start); !blob.empty(); blob = a.channel.next_blob(start)) {
    on_link += blob.size();
    last = blob;
    REQUIRE(b.take(blob));
  }
  CHECK(on_link < link_window::first_size + 20 * kib);
  CHECK(a.channel.held() > 700 * kib);
  const auto so_far = b.arrived.size();
  a.channel.send({.stream = 1, .event = stream::ack{.size = 1, .packets = 1}});
  a.channel.send({.stream = 3, .event = stream::close{}});
  a.channel.send({.stream = 1, .event = stream::close{}});
  CHECK(a.send_all(b) == 1);
  REQUIRE(b.arrived.size() == so_far + 2);
  CHECK(b.arrived.back().stream == 3);
  // B has told nothing yet: it does when it speaks.
  CHECK(b.channel.owes_report());
  while (b.send_all(a) + a.send_all(b) > 0) {
  }
  CHECK(b.arrived.size() == 103);
  CHECK(std::holds_alternative<stream::close>(b.arrived.back().event));
  b.channel.speak_up();
  b.send_all(a);
  CHECK(a.is_at_rest());
  CHECK_FALSE(b.channel.owes_report());
}

TEST_CASE("link channel: streams take turns") {
  end a;
  end b;
  // One that has much to send, and one that comes later with little.
  for (int i = 0; i < 200; ++i)
    a.channel.send(data_frame(1, 10 * kib));
  a.send_all(b);
  a.channel.send(data_frame(2, 100));
  const auto before = b.arrived.size();
  b.send_all(a);
  a.send_all(b);
  const auto found = std::ranges::find(b.arrived, stream_id{2}, &stream_frame::stream);
  REQUIRE(found != b.arrived.end());
  CHECK(static_cast<std::size_t>(found - b.arrived.begin()) <= before + 2);
}

TEST_CASE("link channel: small things taken are told when asked, or with the next blob") {
  end a;
  end b;
  a.channel.send(data_frame(1, 100));
  a.send_all(b);
  CHECK(b.channel.owes_report());
  CHECK(b.channel.next_blob(start).empty());
  SUBCASE("asked") {
    b.channel.speak_up();
  }
  SUBCASE("something to say") {
    b.channel.send({.stream = 1, .event = stream::opened{}});
  }
  CHECK(b.send_all(a) == 1);
  CHECK(a.is_at_rest());
  // A report is nothing to report on.
  CHECK_FALSE(a.channel.owes_report());
}

TEST_CASE("link channel: blobs of another session are nobody's") {
  end a;
  bytes blob;
  begin_stream_blob({.session = session + 1, .taken = 1000}, blob);
  encode_stream_frame(data_frame(1, 8), blob);
  REQUIRE(a.take(blob));
  CHECK(a.arrived.empty());
  CHECK_FALSE(a.channel.owes_report());
}

TEST_CASE("link channel: a blob of an impossible size is refused, whatever it says") {
  end a;
  CHECK_FALSE(a.take(bytes(stream_blob_header_size - 1)));
  CHECK_FALSE(a.take(bytes(max_stream_blob + 1)));
}

TEST_CASE("link channel: a peer that makes things up is found out") {
  end a;
  bytes blob;
  begin_stream_blob({.session = session, .taken = 0}, blob);
  const bytes content(10, 0xaa);
  const auto part = [&](std::uint32_t total) {
    encode_stream_part(1, {.total = total, .quick_ack = false, .content = content}, blob);
  };
  SUBCASE("it has taken what it was not sent") {
    store_le<std::uint64_t>(byte_span{blob}.subspan(8), 1);
  }
  SUBCASE("more than the packet") {
    part(15);
    part(15);
  }
  SUBCASE("another packet meanwhile") {
    part(15);
    part(25);
  }
  SUBCASE("a whole packet in the middle of another") {
    part(15);
    encode_stream_frame(data_frame(1, 8), blob);
  }
  SUBCASE("garbage") {
    blob.push_back(0xff);
  }
  const auto taken = a.take(blob);
  REQUIRE_FALSE(taken);
  CHECK(taken.error() == errc::bad_stream_frame);
  CHECK(a.arrived.empty());
}

TEST_CASE("link channel: pieces for a stream that is over are taken and dropped") {
  end a;
  end b;
  a.channel.send(data_frame(1, 500 * kib));
  a.send_all(b);
  CHECK(b.channel.held() > 0);
  // Its client has left.
  b.unknown.insert(1);
  b.channel.drop_incoming(1);
  CHECK(b.channel.held() == 0);
  SUBCASE("and the rest comes") {}
  SUBCASE("or is not sent any more") {
    a.channel.drop_outgoing(1);
    CHECK(a.channel.held() == 0);
  }
  while (b.send_all(a) + a.send_all(b) > 0) {
  }
  CHECK(b.channel.held() == 0);
  CHECK(b.arrived.empty());
  b.channel.speak_up();
  b.send_all(a);
  CHECK(a.is_at_rest());
}

TEST_CASE("link channel: a packet of which little has come weighs a page") {
  end a;
  bytes blob;
  begin_stream_blob({.session = session, .taken = 0}, blob);
  const bytes little(10);
  for (stream_id id = 1; id <= 3; ++id)
    encode_stream_part(id, {.total = 500'000, .content = little}, blob);
  REQUIRE(a.take(blob));
  CHECK(a.channel.joining() == std::size_t{3} * 4096);
  a.channel.drop_incoming(2);
  CHECK(a.channel.joining() == std::size_t{2} * 4096);
}

TEST_CASE("link channel: it knows whose data would be lost") {
  end a;
  end b;
  using set = std::unordered_set<stream_id>;
  CHECK(a.channel.at_risk().empty());
  a.channel.send(data_frame(1, 100));
  a.channel.send({.stream = 2, .event = stream::open{.dc = 2}});
  CHECK(a.channel.at_risk() == set{1});
  CHECK(a.channel.has_unconfirmed(1));
  CHECK_FALSE(a.channel.has_unconfirmed(2));
  const auto blob = a.channel.next_blob(start);
  CHECK(a.channel.at_risk() == set{1});
  REQUIRE(b.take(blob));
  b.channel.speak_up();
  b.send_all(a);
  CHECK(a.channel.at_risk().empty());

  a.channel.send(data_frame(3, 500 * kib));
  a.channel.send(data_frame(4, 10));
  a.send_all(b);
  CHECK(a.channel.at_risk() == set{3, 4});
  CHECK(a.channel.has_unconfirmed(3));
  CHECK(a.channel.largest().first == 3);
  CHECK(b.channel.at_risk() == set{3});
  while (b.send_all(a) + a.send_all(b) > 0) {
  }
  b.channel.speak_up();
  b.send_all(a);
  CHECK(a.channel.at_risk().empty());
  CHECK_FALSE(a.channel.has_unconfirmed(3));
  CHECK(b.channel.at_risk().empty());
  CHECK(a.channel.largest().second == 0);
}

TEST_CASE("link channel: it speaks up when asked, once") {
  end a;
  end b;
  a.channel.speak_up();
  CHECK(a.send_all(b) == 1);
  CHECK(b.arrived.empty());
  CHECK_FALSE(b.channel.owes_report());
}

TEST_CASE("link channel: a consumer can stop in the middle of a blob") {
  end a;
  a.channel.send({.stream = 1, .event = stream::close{}});
  a.channel.send({.stream = 2, .event = stream::close{}});
  link_channel b{session};
  int seen = 0;
  REQUIRE(b.take(
      a.channel.next_blob(start), start, [](stream_id, const stream_part&) { return true; },
      [&](stream_frame&&) {
        ++seen;
        return false;
      }));
  CHECK(seen == 1);
}

// Whatever two ends send each other, and however late blobs arrive: each stream's frames come in
// order and whole, the window holds, and when all has arrived all credit is home.
TEST_CASE("link channel: nothing is lost, mixed up or left out") {
  check_property([] {
    std::array<end, 2> ends;
    std::array<std::deque<bytes>, 2> on_link;  // towards that end
    std::array<std::map<stream_id, std::vector<stream_frame>>, 2> expected;
    auto now = start;
    std::uint8_t fill = 0;
    const auto flush = [&](std::size_t from) {
      for (auto blob = ends[from].channel.next_blob(now); !blob.empty();
           blob = ends[from].channel.next_blob(now)) {
        RC_ASSERT(blob.size() <= max_stream_blob);
        on_link[1 - from].push_back(std::move(blob));
      }
      const auto& window = ends[from].channel.window();
      RC_ASSERT(window.in_flight() <= link_window::largest + link_cost(link_queue::largest_piece));
    };
    const auto deliver = [&](std::size_t to) {
      if (on_link[to].empty()) return;
      const auto blob = std::move(on_link[to].front());
      on_link[to].pop_front();
      RC_ASSERT(ends[to].take(blob, now).has_value());
    };
    const auto steps = *rc::gen::container<std::vector<std::tuple<unsigned, unsigned, unsigned>>>(
        rc::gen::tuple(rc::gen::inRange(0U, 8U), rc::gen::inRange(1U, 5U),
                       rc::gen::oneOf(rc::gen::inRange(0U, 300U), rc::gen::inRange(0U, 300'000U))));
    for (const auto& [choice, stream, size] : steps) {
      const std::size_t end = choice % 2;
      now += std::chrono::milliseconds{size % 50};
      if (choice < 4) {
        auto frame = data_frame(stream, size, ++fill, choice < 2);
        expected[1 - end][stream].push_back(frame);
        ends[end].channel.send(std::move(frame));
      } else if (choice < 6) {
        flush(end);
      } else {
        deliver(end);
      }
    }
    for (int quiet = 0; quiet < 3; ++quiet)
      for (std::size_t end : {0U, 1U}) {
        if (ends[end].channel.owes_report()) ends[end].channel.speak_up();
        flush(end);
        while (!on_link[1 - end].empty()) {
          quiet = 0;
          deliver(1 - end);
        }
      }
    for (std::size_t end : {0U, 1U}) {
      std::map<stream_id, std::vector<stream_frame>> got;
      for (const auto& frame : ends[end].arrived)
        got[frame.stream].push_back(frame);
      RC_ASSERT(got == expected[end]);
      RC_ASSERT(ends[end].channel.held() == 0U);
      RC_ASSERT(ends[end].is_at_rest());
      RC_ASSERT_FALSE(ends[end].channel.owes_report());
    }
  });
}

}  // namespace
}  // namespace mtp
