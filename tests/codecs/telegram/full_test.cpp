#include "codecs/telegram/full.hpp"

#include "codecs/base/crypto.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_packet;
using test::check_property;
using test::found;
using test::join;
using test::start_of;
using test::waits;

/// An encoder that has sent nonce and handshake: the next frame has number 0.
full_encoder encoder_at_zero() {
  full_encoder encoder;
  bytes ignored;
  encoder.encode({}, {}, ignored);
  encoder.encode({}, {}, ignored);
  return encoder;
}

errc decode_error(byte_view in) {
  const auto got = full_decoder{}.next(in);
  REQUIRE_FALSE(got);
  return got.error();
}

TEST_CASE("full: the first frame has number -2 and a CRC-32 over all before it") {
  const bytes frame{0x14, 0x00, 0x00, 0x00,   // 20 bytes in all
                    0xfe, 0xff, 0xff, 0xff,   // number -2
                    0x01, 0x02, 0x03, 0x04,   //
                    0x05, 0x06, 0x07, 0x08,   //
                    0x1f, 0x1b, 0xca, 0x9b};  // CRC-32
  bytes encoded;
  full_encoder{}.encode(bytes{1, 2, 3, 4}, bytes{5, 6, 7, 8}, encoded);
  CHECK(encoded == frame);

  const auto got = full_decoder{}.next(frame);
  REQUIRE(found(got));
  CHECK(to_bytes((*got)->body) == bytes{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK((*got)->consumed == frame.size());
}

// The frames of mtp_full.erl's tests, whose numbers start at 0; there each has its own filler.
TEST_CASE("full: frames of the Erlang proxy come out the same") {
  auto encoder = encoder_at_zero();
  bytes encoded;
  encoder.encode(bytes(8, 9), {}, encoded);
  pad_to_block(encoded, 0);
  CHECK(encoded == bytes{20,  0,  0,   0,    // 20 bytes in all
                         0,   0,  0,   0,    // number 0
                         9,   9,  9,   9,    //
                         9,   9,  9,   9,    //
                         229, 35, 162, 164,  // CRC-32
                         4,   0,  0,   0,    // filler up to 32 bytes
                         4,   0,  0,   0,    //
                         4,   0,  0,   0});
  const auto second = encoded.size();
  encoder.encode(bytes(8, 8), {}, encoded);
  pad_to_block(encoded, second);
  CHECK(bytes(encoded.begin() + 32, encoded.end()) == bytes{20, 0,   0,   0,    // 20 bytes in all
                                                            1,  0,   0,   0,    // number 1
                                                            8,  8,   8,   8,    //
                                                            8,  8,   8,   8,    //
                                                            48, 146, 132, 116,  // CRC-32
                                                            4,  0,   0,   0,    // filler
                                                            4,  0,   0,   0,    //
                                                            4,  0,   0,   0});

  bytes whole_block;
  encoder_at_zero().encode(bytes(4, 1), {}, whole_block);
  pad_to_block(whole_block, 0);
  CHECK(whole_block == bytes{16, 0, 0, 0,         // 16 bytes in all: no filler
                             0, 0, 0, 0,          // number 0
                             1, 1, 1, 1,          //
                             22, 39, 175, 160});  // CRC-32
}

TEST_CASE("full: after `use`, CRC-32C") {
  const bytes frame{0x10, 0x00, 0x00, 0x00,   // 16 bytes in all
                    0x00, 0x00, 0x00, 0x00,   // number 0
                    0x01, 0x01, 0x01, 0x01,   //
                    0xfc, 0x4e, 0x84, 0xab};  // CRC-32C
  auto encoder = encoder_at_zero();
  encoder.use(checksum::crc32c);
  bytes encoded;
  encoder.encode(bytes(4, 1), {}, encoded);
  CHECK(encoded == frame);

  bytes start;
  full_encoder first;
  first.encode({}, {}, start);
  first.encode({}, {}, start);
  for (const auto kind : {checksum::crc32, checksum::crc32c}) {
    full_decoder decoder;
    REQUIRE(decoder.next(start));
    REQUIRE(decoder.next(byte_view{start}.subspan(12)));
    decoder.use(kind);
    CHECK(decoder.next(frame).has_value() == (kind == checksum::crc32c));
  }
}

TEST_CASE("full: an impossible length is refused as soon as it is there") {
  CHECK(decode_error(bytes{0x00, 0x00, 0x00, 0x00}) == errc::full_bad_length);
  CHECK(decode_error(bytes{0x08, 0x00, 0x00, 0x00}) == errc::full_bad_length);  // below 12
  CHECK(decode_error(bytes{0x0d, 0x00, 0x00, 0x00}) == errc::full_bad_length);  // 13
  CHECK(decode_error(bytes{0x0e, 0x00, 0x00, 0x00}) == errc::full_bad_length);  // 14
  CHECK(decode_error(bytes{0x04, 0x00, 0x00, 0x01}) == errc::full_bad_length);  // 2^24 + 4
  CHECK(decode_error(bytes{0xfc, 0xff, 0xff, 0xff}) == errc::full_bad_length);  // -4

  const auto longest = full_decoder{}.next(bytes{0x00, 0x00, 0x00, 0x01});  // 2^24
  CHECK(waits(longest));
}

TEST_CASE("full: a number out of sequence is refused without the rest of the frame") {
  CHECK(decode_error(bytes{0x10, 0x00, 0x00, 0x00,                             // 16 bytes in all
                           0xff, 0xff, 0xff, 0xff}) == errc::full_bad_seqno);  // number -1
  bytes frame;
  full_encoder{}.encode({}, {}, frame);
  full_decoder decoder;
  REQUIRE(decoder.next(frame));
  const auto again = decoder.next(frame);
  REQUIRE_FALSE(again);
  CHECK(again.error() == errc::full_bad_seqno);
}

TEST_CASE("full: a wrong CRC is refused unless checking is off") {
  bytes frame;
  full_encoder{}.encode(bytes(4), {}, frame);
  frame.back() ^= 1;
  CHECK(decode_error(frame) == errc::full_bad_crc);
  const auto got = full_decoder{false}.next(frame);
  REQUIRE(found(got));
  CHECK((*got)->body.size() == 4);
}

TEST_CASE("full: filler is counted in whole words, up to the first that is none") {
  CHECK(filler_prefix({}) == 0);
  CHECK(filler_prefix(bytes{4, 0, 0}) == 0);
  CHECK(filler_prefix(bytes{4, 0, 0, 0}) == 4);
  CHECK(filler_prefix(bytes{4, 0, 0, 0, 4, 0, 0, 0, 4, 0}) == 8);
  CHECK(filler_prefix(bytes{4, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0}) == 4);
  CHECK(filler_prefix(bytes{4, 0, 0, 1}) == 0);
}

TEST_CASE("full: padding counts from where the flush starts") {
  bytes encoded(5, 0xaa);
  append(encoded, bytes(12, 0xbb));
  pad_to_block(encoded, 5);
  CHECK(encoded.size() == 5 + 16);
  CHECK(bytes(encoded.begin() + 17, encoded.end()) == bytes{4, 0, 0, 0});
  pad_to_block(encoded, 5);
  CHECK(encoded.size() == 5 + 16);
}

TEST_CASE("full: frames are read back in sequence, whichever checksum they carry") {
  check_property([] {
    const auto bodies = *rc::gen::container<std::vector<bytes>>(any_packet());
    const auto switch_at = *rc::gen::inRange<std::size_t>(0, bodies.size() + 1);
    full_encoder encoder;
    bytes stream;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      if (i == switch_at) encoder.use(checksum::crc32c);
      encoder.encode(byte_view{bodies[i]}.first(4), byte_view{bodies[i]}.subspan(4), stream);
    }
    full_decoder decoder;
    byte_view rest{stream};
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      if (i == switch_at) decoder.use(checksum::crc32c);
      const auto length = bodies[i].size() + full_overhead;
      const auto cut = *rc::gen::inRange<std::size_t>(0, length);
      const auto part = decoder.next(start_of(rest, cut));
      RC_ASSERT(waits(part));
      const auto got = decoder.next(rest);
      RC_ASSERT(found(got));
      RC_ASSERT(to_bytes((*got)->body) == bodies[i]);
      RC_ASSERT((*got)->consumed == length);
      rest = rest.subspan(length);
    }
    RC_ASSERT(rest.empty());
  });
}

TEST_CASE("full: no changed byte goes unnoticed") {
  check_property([] {
    const auto body = *any_packet();
    bytes frame;
    full_encoder{}.encode(body, {}, frame);
    frame[*rc::gen::inRange<std::size_t>(0, frame.size())] ^= *rc::gen::nonZero<std::uint8_t>();
    const auto got = full_decoder{}.next(frame);
    RC_ASSERT(!found(got));  // a larger length waits for what never comes
  });
}

TEST_CASE("full: random bytes never read past their end") {
  check_property([] {
    const auto length = static_cast<std::uint8_t>(*rc::gen::inRange(3, 16) * 4);
    const auto input = join({bytes{length, 0, 0, 0}, bytes{0xfe, 0xff, 0xff, 0xff}, *any_bytes()});
    RC_ASSERT(filler_prefix(input) <= input.size());
    const auto got = full_decoder{false}.next(input);
    RC_ASSERT(got);
    RC_ASSERT(got->has_value() == (input.size() >= length));
    if (*got) RC_ASSERT((*got)->consumed == length);
  });
}

}  // namespace
}  // namespace mtp
