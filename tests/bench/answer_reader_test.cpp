#include "bench/answer_reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "codecs/client/framing.hpp"
#include "tests/support/property.hpp"
#include "tests/support/tagged_packet.hpp"

using namespace mtp;
using namespace mtp::bench;

namespace {

bytes frame_of(const expected_answer& answer, std::size_t tail) {
  auto packet = to_bytes(test::packet_tag(answer.number));
  append(packet, test::packet_body(answer.number, answer.size - test::packet_tag_size));
  bytes frame;
  encode_frame(framing::padded, packet, bytes(tail, 0x77), frame);
  return frame;
}

/// Feeds `stream` in pieces of `piece` bytes; how many of `expected` were complete.
std::size_t read_all(byte_view stream, std::size_t piece,
                     const std::vector<expected_answer>& expected) {
  answer_reader reader;
  std::size_t done = 0;
  while (!stream.empty()) {
    auto part = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(part.size());
    while (!part.empty()) {
      part = part.subspan(reader.feed(part, done < expected.size() ? &expected[done] : nullptr));
      done += reader.complete() ? 1 : 0;
    }
  }
  return done;
}

const std::vector<expected_answer> two{{.number = 1, .size = 64, .asked = {}},
                                       {.number = std::uint64_t{7} << 32, .size = 20, .asked = {}}};

bytes stream_of_two() {
  auto frames = frame_of(two[0], 3);
  append(frames, frame_of(two[1], 0));
  return frames;
}

}  // namespace

TEST_CASE("answers are recognised however the stream is cut") {
  test::check_property([] {
    const auto piece = *rc::gen::inRange<std::size_t>(1, 100);
    RC_ASSERT(read_all(stream_of_two(), piece, two) == two.size());
  });
}

TEST_CASE("any wrong byte of a packet or of a length is found") {
  const auto good = stream_of_two();
  const auto tail_at = sizeof(std::uint32_t) + two[0].size;
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (at >= tail_at && at < tail_at + 3) continue;
    auto bad = good;
    bad[at] ^= 0x40;
    CAPTURE(at);
    CHECK_THROWS_AS(read_all(bad, 13, two), std::runtime_error);
  }
}

TEST_CASE("an answer in the place of another, or one too many, is found") {
  CHECK_THROWS_AS(read_all(stream_of_two(), 1000, {two[1], two[0]}), std::runtime_error);
  CHECK_THROWS_AS(read_all(stream_of_two(), 1000, {two[0]}), std::runtime_error);
}
