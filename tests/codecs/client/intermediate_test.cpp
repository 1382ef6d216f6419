#include "codecs/client/intermediate.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using intermediate::tail;
using test::any_bytes;
using test::any_packet;
using test::check_property;
using test::found;
using test::start_of;
using test::waits;

rc::Gen<tail> any_tail() {
  return rc::gen::element(tail::forbidden, tail::random);
}

TEST_CASE("intermediate: four bytes of length, then the packet") {
  const bytes frame{0x08, 0x00, 0x00, 0x00,  // 8 bytes follow
                    0x01, 0x02, 0x03, 0x04,  //
                    0x05, 0x06, 0x07, 0x08};
  const bytes packet{1, 2, 3, 4, 5, 6, 7, 8};

  bytes encoded;
  intermediate::encode(packet, {}, false, encoded);
  CHECK(encoded == frame);

  const auto got = intermediate::decode(tail::forbidden, frame, max_client_packet);
  REQUIRE(found(got));
  CHECK(to_bytes((*got)->packet) == packet);
  CHECK((*got)->consumed == frame.size());
  CHECK_FALSE((*got)->quick_ack);
}

TEST_CASE("intermediate: bit 31 of the length asks for a quick ack") {
  const bytes frame{0x04, 0x00, 0x00, 0x80,  // 4 bytes follow, ack
                    0x01, 0x02, 0x03, 0x04};
  for (const auto kind : {tail::forbidden, tail::random}) {
    const auto got = intermediate::decode(kind, frame, max_client_packet);
    REQUIRE(found(got));
    CHECK((*got)->quick_ack);
    CHECK(to_bytes((*got)->packet) == bytes{1, 2, 3, 4});
  }

  bytes encoded;
  intermediate::encode(bytes{1, 2, 3, 4}, {}, true, encoded);
  CHECK(encoded == frame);
}

TEST_CASE("intermediate: a length that is not in whole words is refused without its bytes") {
  for (const auto length : std::initializer_list<std::uint8_t>{1, 2, 3, 5, 9}) {
    const auto got = intermediate::decode(tail::forbidden, bytes{length, 0, 0, 0}, 1024);
    REQUIRE_FALSE(got);
    CHECK(got.error() == errc::not_aligned);
  }
}

TEST_CASE("padded: the length counts the tail, of which up to 3 bytes are cut") {
  const bytes frame{0x0b, 0x00, 0x00, 0x00,  // 11 bytes follow: 8 of packet, 3 of tail
                    0x01, 0x02, 0x03, 0x04,  //
                    0x05, 0x06, 0x07, 0x08,  //
                    0xaa, 0xbb, 0xcc};       // tail
  bytes encoded;
  intermediate::encode(bytes{1, 2, 3, 4, 5, 6, 7, 8}, bytes{0xaa, 0xbb, 0xcc}, false, encoded);
  CHECK(encoded == frame);

  const auto got = intermediate::decode(tail::random, frame, max_client_packet);
  REQUIRE(found(got));
  CHECK(to_bytes((*got)->packet) == bytes{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK((*got)->consumed == frame.size());
}

TEST_CASE("padded: a client's tail of whole words goes on with the packet") {
  const bytes frame{0x09, 0x00, 0x00, 0x00,  // 9 bytes follow: 4 of packet, 5 of tail
                    0x01, 0x02, 0x03, 0x04,  //
                    0xaa, 0xaa, 0xaa, 0xaa,  // a whole word of the tail
                    0xbb};                   // the rest of it
  const auto got = intermediate::decode(tail::random, frame, max_client_packet);
  REQUIRE(found(got));
  CHECK(to_bytes((*got)->packet) == bytes{1, 2, 3, 4, 0xaa, 0xaa, 0xaa, 0xaa});
  CHECK((*got)->consumed == frame.size());
}

TEST_CASE("intermediate: a quick ack stands where a length would, as the DC sent it") {
  bytes encoded;
  intermediate::encode_quick_ack(0x8123'4567, encoded);
  CHECK(encoded == bytes{0x67, 0x45, 0x23, 0x81});

  for (const auto kind : {tail::forbidden, tail::random}) {
    const auto got = intermediate::decode_server(kind, encoded, max_client_packet);
    REQUIRE(found(got));
    CHECK((*got)->confirm == 0x8123'4567);
    CHECK((*got)->consumed == 4);
    CHECK((*got)->packet.empty());
  }
}

TEST_CASE("intermediate: a length at the limit is refused before its bytes are there") {
  for (const auto kind : {tail::forbidden, tail::random}) {
    for (const auto ack : std::initializer_list<std::uint8_t>{0x00, 0x80}) {
      const bytes header{0x00, 0x00, 0x10, ack};  // 1 MiB
      const auto got = intermediate::decode(kind, header, max_client_packet);
      REQUIRE_FALSE(got);
      CHECK(got.error() == errc::intermediate_max_size);

      const bytes below{0xfc, 0xff, 0x0f, ack};  // one word less
      const auto part = intermediate::decode(kind, below, max_client_packet);
      CHECK(waits(part));
    }
  }
}

TEST_CASE("intermediate: what is encoded is decoded, and any shorter input waits for more") {
  check_property([] {
    const auto kind = *any_tail();
    const auto packet = *any_packet();
    const auto ask_ack = *rc::gen::arbitrary<bool>();
    const auto tail_size = kind == tail::random ? *rc::gen::inRange<std::size_t>(0, 16) : 0;
    const bytes padding(tail_size, 0xaa);
    bytes frame;
    intermediate::encode(packet, padding, ask_ack, frame);

    const auto got = intermediate::decode(kind, frame, max_client_packet);
    RC_ASSERT(found(got));
    auto expected = packet;
    expected.resize(packet.size() + tail_size / 4 * 4, 0xaa);
    RC_ASSERT(to_bytes((*got)->packet) == expected);
    RC_ASSERT((*got)->quick_ack == ask_ack);
    RC_ASSERT((*got)->consumed == frame.size());

    const auto cut = *rc::gen::inRange<std::size_t>(0, frame.size());
    const auto partial = intermediate::decode(kind, start_of(frame, cut), max_client_packet);
    RC_ASSERT(waits(partial));
  });
}

TEST_CASE("intermediate: a client finds packets and quick acks in any order") {
  check_property([] {
    const auto kind = *any_tail();
    const auto packet = *any_packet();
    const auto confirm = *rc::gen::arbitrary<std::uint32_t>() | 0x8000'0000;
    bytes stream;
    intermediate::encode_quick_ack(confirm, stream);
    intermediate::encode(packet, {}, false, stream);

    const auto ack = intermediate::decode_server(kind, stream, max_client_packet);
    RC_ASSERT(found(ack));
    RC_ASSERT((*ack)->confirm == confirm);
    const auto rest = byte_view{stream}.subspan((*ack)->consumed);
    const auto got = intermediate::decode_server(kind, rest, max_client_packet);
    RC_ASSERT(found(got));
    RC_ASSERT(to_bytes((*got)->packet) == packet);
    RC_ASSERT(!(*got)->confirm);
    RC_ASSERT((*got)->consumed == rest.size());
  });
}

TEST_CASE("intermediate: random bytes never read past their end") {
  check_property([] {
    const auto input = *any_bytes();
    const auto kind = *any_tail();
    const auto got = intermediate::decode(kind, input, max_client_packet);
    if (found(got)) {
      RC_ASSERT((*got)->consumed <= input.size());
      RC_ASSERT((*got)->packet.size() % 4 == 0u);
    }
    const auto server = intermediate::decode_server(kind, input, max_client_packet);
    if (found(server)) RC_ASSERT((*server)->consumed <= input.size());
  });
}

}  // namespace
}  // namespace mtp
