#include "codecs/client/framing.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_framing;
using test::any_packet;
using test::any_split;
using test::check_property;
using test::found;

constexpr std::array every_transport{framing::abridged, framing::intermediate, framing::padded};

/// A frame with its bytes copied out.
struct seen_frame {
  bytes packet;
  bool quick_ack = false;
  std::optional<std::uint32_t> confirm;
  friend bool operator==(const seen_frame&, const seen_frame&) = default;
};

/// Reads `pieces` as a connection would: what is left over waits for the next piece.
template <class Decode>
std::vector<seen_frame> read_all(const std::vector<bytes>& pieces, Decode decode) {
  std::vector<seen_frame> frames;
  bytes unread;
  for (const auto& piece : pieces) {
    append(unread, piece);
    while (true) {
      const auto frame = decode(byte_view{unread});
      RC_ASSERT(frame);
      if (!*frame) break;
      seen_frame seen{.packet = to_bytes((*frame)->packet), .quick_ack = false, .confirm = {}};
      if constexpr (requires { (*frame)->confirm; })
        seen.confirm = (*frame)->confirm;
      else
        seen.quick_ack = (*frame)->quick_ack;
      frames.push_back(seen);
      unread.erase(unread.begin(),
                   unread.begin() + static_cast<std::ptrdiff_t>((*frame)->consumed));
    }
  }
  RC_ASSERT(unread.empty());
  return frames;
}

TEST_CASE("client transport: names are those of allowed_protocols") {
  CHECK(to_string(framing::abridged) == "mtp_abridged");
  CHECK(to_string(framing::intermediate) == "mtp_intermediate");
  CHECK(to_string(framing::padded) == "mtp_secure");
}

TEST_CASE("client transport: the same packet in each framing") {
  const bytes packet{1, 2, 3, 4};
  bytes encoded;
  encode_frame(framing::abridged, packet, {}, encoded);
  CHECK(encoded == bytes{0x01,  // 1 word
                         1, 2, 3, 4});
  encoded.clear();
  encode_frame(framing::intermediate, packet, {}, encoded);
  CHECK(encoded == bytes{0x04, 0x00, 0x00, 0x00,  // 4 bytes
                         1, 2, 3, 4});
  encoded.clear();
  encode_frame(framing::padded, packet, bytes{0xaa, 0xbb}, encoded);
  CHECK(encoded == bytes{0x06, 0x00, 0x00, 0x00,  // 4 bytes and a tail of 2
                         1, 2, 3, 4,              //
                         0xaa, 0xbb});            // tail
}

TEST_CASE("client transport: only padded takes a length that is not in whole words") {
  const bytes frame{0x05, 0x00, 0x00, 0x00,  // 5 bytes
                    1,    2,    3,    4,    5};
  const auto padded = decode_frame(framing::padded, frame);
  REQUIRE(found(padded));
  CHECK((*padded)->packet.size() == 4);
  CHECK((*padded)->consumed == frame.size());

  const auto intermediate = decode_frame(framing::intermediate, frame);
  REQUIRE_FALSE(intermediate);
  CHECK(intermediate.error() == errc::not_aligned);
}

TEST_CASE("client transport: nobody announces a mebibyte, and a limit can be lower") {
  const auto abridged = decode_frame(framing::abridged, bytes{0x7f, 0x00, 0x00, 0x04});
  REQUIRE_FALSE(abridged);
  CHECK(abridged.error() == errc::abridged_max_size);
  for (const auto kind : {framing::intermediate, framing::padded}) {
    const auto got = decode_frame(kind, bytes{0x00, 0x00, 0x10, 0x00});
    REQUIRE_FALSE(got);
    CHECK(got.error() == errc::intermediate_max_size);
  }
  for (const auto kind : every_transport) {
    bytes frame;
    encode_frame(kind, bytes(64), {}, frame);
    CHECK_FALSE(decode_frame(kind, frame, 64));
    CHECK(decode_frame(kind, frame, 65));
    CHECK_FALSE(decode_server_frame(kind, frame, 64));
    CHECK(decode_server_frame(kind, frame, 65));
  }
}

TEST_CASE("client transport: nothing precedes a packet by more than max_frame_header") {
  for (const auto kind : every_transport) {
    bytes frame;
    encode_frame(kind, bytes(4096), {}, frame);
    CHECK(frame.size() <= 4096 + max_frame_header);
  }
}

TEST_CASE("client transport: any split of a client's stream gives the same packets") {
  check_property([] {
    const auto kind = *any_framing();
    const auto packets = *rc::gen::container<std::vector<bytes>>(any_packet());
    bytes stream;
    std::vector<seen_frame> expected;
    for (const auto& packet : packets) {
      const auto ask_ack = *rc::gen::arbitrary<bool>();
      const bytes padding(kind == framing::padded ? *rc::gen::inRange<std::size_t>(0, 4) : 0);
      if (ask_ack)
        encode_frame_asking_ack(kind, packet, padding, stream);
      else
        encode_frame(kind, packet, padding, stream);
      expected.push_back({.packet = packet, .quick_ack = ask_ack, .confirm = {}});
    }
    const auto got =
        read_all(*any_split(stream), [&](byte_view in) { return decode_frame(kind, in); });
    RC_ASSERT(got == expected);
  });
}

TEST_CASE("client transport: any split of a server's stream gives the same packets and acks") {
  check_property([] {
    const auto kind = *any_framing();
    const auto packets = *rc::gen::container<std::vector<bytes>>(any_packet());
    bytes stream;
    std::vector<seen_frame> expected;
    for (const auto& packet : packets) {
      const auto confirm = *rc::gen::arbitrary<std::uint32_t>() | 0x8000'0000;
      encode_quick_ack(kind, confirm, stream);
      expected.push_back({.packet = {}, .quick_ack = false, .confirm = confirm});
      const bytes padding(kind == framing::padded ? *rc::gen::inRange<std::size_t>(0, 4) : 0);
      encode_frame(kind, packet, padding, stream);
      expected.push_back({.packet = packet, .quick_ack = false, .confirm = {}});
    }
    const auto got = read_all(*any_split(stream), [&](byte_view in) {
      return decode_server_frame(kind, in, max_client_packet);
    });
    RC_ASSERT(got == expected);
  });
}

}  // namespace
}  // namespace mtp
