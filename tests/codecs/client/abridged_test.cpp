#include "codecs/client/abridged.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_packet;
using test::check_property;
using test::found;
using test::start_of;
using test::waits;

TEST_CASE("abridged: a short packet has one byte of length, in words") {
  const bytes frame{0x02,                    // 2 words
                    0x01, 0x02, 0x03, 0x04,  //
                    0x05, 0x06, 0x07, 0x08};
  const bytes packet{1, 2, 3, 4, 5, 6, 7, 8};

  bytes encoded;
  abridged::encode(packet, false, encoded);
  CHECK(encoded == frame);

  const auto got = abridged::decode(frame, max_client_packet);
  REQUIRE(got);
  REQUIRE(*got);
  CHECK(to_bytes((*got)->packet) == packet);
  CHECK((*got)->consumed == frame.size());
  CHECK_FALSE((*got)->quick_ack);
}

TEST_CASE("abridged: from 0x7f words on, 7f and three bytes of length") {
  const bytes packet(0x7f * 4, 0xaa);
  bytes encoded;
  abridged::encode(packet, false, encoded);
  CHECK(bytes(encoded.begin(), encoded.begin() + 4) == bytes{0x7f,                // long form
                                                             0x7f, 0x00, 0x00});  // 127 words
  CHECK(encoded.size() == 4 + packet.size());

  bytes shorter;
  abridged::encode(byte_view{packet}.subspan(4), false, shorter);
  CHECK(shorter[0] == 0x7e);
}

TEST_CASE("abridged: bit 7 of the first byte asks for a quick ack, in both forms") {
  const bytes frame{0x81,  // 1 word, ack
                    0x01, 0x02, 0x03, 0x04};
  const auto got = abridged::decode(frame, max_client_packet);
  REQUIRE(found(got));
  CHECK((*got)->quick_ack);
  CHECK((*got)->packet.size() == 4);

  const bytes long_frame{0xff,              // long form, ack
                         0x01, 0x00, 0x00,  // 1 word
                         0x01, 0x02, 0x03, 0x04};
  const auto got_long = abridged::decode(long_frame, max_client_packet);
  REQUIRE(found(got_long));
  CHECK((*got_long)->quick_ack);
  CHECK((*got_long)->packet.size() == 4);
}

TEST_CASE("abridged: a quick ack goes to the client with bit 31 first") {
  bytes encoded;
  abridged::encode_quick_ack(0x8123'4567, encoded);
  CHECK(encoded == bytes{0x81, 0x23, 0x45, 0x67});

  const auto got = abridged::decode_server(encoded, max_client_packet);
  REQUIRE(found(got));
  CHECK((*got)->confirm == 0x8123'4567);
  CHECK((*got)->consumed == 4);
}

TEST_CASE("abridged: a length at the limit is refused before its bytes are there") {
  const bytes header{0x7f, 0x00, 0x00, 0x04};  // 2^18 words = 1 MiB
  const auto got = abridged::decode(header, max_client_packet);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::abridged_max_size);

  const bytes below{0x7f, 0xff, 0xff, 0x03};  // one word less
  const auto part = abridged::decode(below, max_client_packet);
  CHECK(waits(part));
}

TEST_CASE("abridged: a length that is not all there is waited for") {
  const bytes too_long{0x7f,               // long form
                       0xff, 0xff, 0xff};  // 2^24 - 1 words
  for (std::size_t size = 0; size < too_long.size(); ++size) {
    const auto got = abridged::decode(byte_view{too_long}.first(size), max_client_packet);
    CHECK(waits(got));
  }
}

TEST_CASE("abridged: what is encoded is decoded, and any shorter input waits for more") {
  check_property([] {
    const auto packet = *any_packet();
    const auto ask_ack = *rc::gen::arbitrary<bool>();
    bytes frame;
    abridged::encode(packet, ask_ack, frame);
    const auto got = abridged::decode(frame, max_client_packet);
    RC_ASSERT(found(got));
    RC_ASSERT(to_bytes((*got)->packet) == packet);
    RC_ASSERT((*got)->quick_ack == ask_ack);
    RC_ASSERT((*got)->consumed == frame.size());

    const auto cut = *rc::gen::inRange<std::size_t>(0, frame.size());
    const auto partial = abridged::decode(start_of(frame, cut), max_client_packet);
    RC_ASSERT(waits(partial));
  });
}

TEST_CASE("abridged: random bytes never read past their end") {
  check_property([] {
    const auto input = *any_bytes();
    const auto got = abridged::decode(input, max_client_packet);
    if (found(got)) RC_ASSERT((*got)->consumed <= input.size());
  });
}

}  // namespace
}  // namespace mtp
