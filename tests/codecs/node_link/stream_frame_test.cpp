#include "codecs/node_link/stream_frame.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_endpoint;
using test::any_framing;
using test::check_property;
using test::join;
using test::start_of;

/// Session 5, of which 258 bytes were taken.
const bytes session_5{0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                      0x02, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
constexpr stream_blob_header header_5{.session = 5, .taken = 258};
const bytes stream_7{0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

/// A whole blob, with its parts as frames of their own.
struct read_blob {
  stream_blob_header header;
  std::vector<stream_frame> frames;
  std::vector<std::pair<stream_id, stream_part>> parts;
};
result<read_blob> read_all(byte_view blob) {
  stream_blob_reader in{blob};
  read_blob found{.header = in.header(), .frames = {}, .parts = {}};
  while (true) {
    auto next = in.next();
    if (!next) return fail(next.error());
    if (!*next) return found;
    auto& [stream, content] = **next;
    if (auto* const event = std::get_if<stream::event>(&content)) {
      // In steps: GCC 12's -O2 takes a temporary for uninitialized.
      auto& frame = found.frames.emplace_back();
      frame.stream = stream;
      frame.event = std::move(*event);
    } else {
      found.parts.emplace_back(stream, std::get<stream_part>(content));
    }
  }
}

/// A blob of session 5 with one frame, of stream 7.
bytes blob_with(std::uint8_t kind, const bytes& fields) {
  return join({session_5, bytes{kind}, stream_7, fields});
}

/// Checks that `event` is written as `kind` and `fields`, and read back.
void check_frame(const stream::event& event, std::uint8_t kind, const bytes& fields) {
  bytes blob;
  begin_stream_blob(header_5, blob);
  encode_stream_frame({.stream = 7, .event = event}, blob);
  CHECK(blob == blob_with(kind, fields));

  const auto got = read_all(blob);
  REQUIRE(got);
  CHECK(got->header == header_5);
  REQUIRE(got->frames.size() == 1);
  CHECK(got->frames[0].stream == 7);
  CHECK(got->frames[0].event == event);
}

void check_refused(byte_view blob) {
  const auto got = read_all(blob);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::bad_stream_frame);
}

TEST_CASE("stream frame: open, with an ad tag and IPv4") {
  const rpc::ad_tag tag{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                        0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
  check_frame(stream::open{.dc = -2,
                           .client = *parse_endpoint("1.2.3.4:258"),
                           .kind = framing::padded,
                           .tag = tag,
                           .migrating = true,
                           .waiting_bytes = 0x0403'0201,
                           .waiting_packets = 5},
              0, {0xfe, 0xff,                                      // DC -2
                  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // address
                  0x00, 0x00, 0xff, 0xff, 0x01, 0x02, 0x03, 0x04,  //
                  0x02, 0x01,                                      // port 258
                  0x02,                                            // padded
                  0x03,                                            // has a tag, is migrating
                  0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,  // tag
                  0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,  //
                  0x01, 0x02, 0x03, 0x04,                          // bytes that wait
                  0x05, 0x00, 0x00, 0x00});                        // packets that wait
}

TEST_CASE("stream frame: open, without an ad tag, IPv6") {
  check_frame(stream::open{.dc = 203,
                           .client = *parse_endpoint("[2001:db8::1]:443"),
                           .kind = framing::abridged,
                           .tag = std::nullopt,
                           .migrating = false},
              0, {0xcb, 0x00,                                      // DC 203
                  0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,  // address
                  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,  //
                  0xbb, 0x01,                                      // port 443
                  0x00,                                            // abridged
                  0x00,                                            // neither tag nor migrating
                  0x00, 0x00, 0x00, 0x00,                          // nothing waits
                  0x00, 0x00, 0x00, 0x00});
}

TEST_CASE("stream frame: answers of the DC's side") {
  check_frame(stream::opened{-4}, 1, {0xfc, 0xff});
  check_frame(stream::refused{refusal::migrating}, 2, {0x02});
  check_frame(stream::refused{refusal::too_slow}, 2, {0x03});
  check_frame(stream::refused{refusal::unknown_dc}, 2, {0x04});
  check_frame(stream::quick_ack{0x8123'4567}, 3, {0x67, 0x45, 0x23, 0x81});
  check_frame(stream::migrate{}, 4, {});
}

TEST_CASE("stream frame: what both sides send") {
  check_frame(
      stream::data{.packet = packet_buffer{bytes{0xaa, 0xbb, 0xcc, 0xdd}}, .quick_ack = true}, 5,
      {0x01,                      // wants a quick ack
       0x04, 0x00, 0x00, 0x00,    // 4 bytes
       0xaa, 0xbb, 0xcc, 0xdd});  // packet
  check_frame(stream::data{.packet = {}, .quick_ack = false}, 5, {0x00, 0x00, 0x00, 0x00, 0x00});
  check_frame(stream::ack{.size = 0x0403'0201, .packets = 5}, 6,
              {0x01, 0x02, 0x03, 0x04,    // bytes
               0x05, 0x00, 0x00, 0x00});  // packets
  check_frame(stream::close{}, 7, {});
}

TEST_CASE("stream frame: a part of a packet") {
  const bytes content{0xaa, 0xbb};
  bytes encoded;
  begin_stream_blob(header_5, encoded);
  encode_stream_part(7, {.total = 0x0102'0304, .quick_ack = true, .content = content}, encoded);
  CHECK(encoded == blob_with(8, {0x01,                    // wants a quick ack
                                 0x04, 0x03, 0x02, 0x01,  // of so many bytes
                                 0x02, 0x00, 0x00, 0x00,  // these two
                                 0xaa, 0xbb}));
  // That is more than any packet has.
  check_refused(encoded);

  const auto blob = blob_with(8, {0x00, 0x05, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0xaa});
  const auto got = read_all(blob);
  REQUIRE(got);
  REQUIRE(got->parts.size() == 1);
  const auto& [stream, part] = got->parts[0];
  CHECK(stream == 7);
  CHECK(part.total == 5);
  CHECK_FALSE(part.quick_ack);
  CHECK(std::ranges::equal(part.content, bytes{0xaa}));

  check_refused(blob_with(8, {0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}));  // empty
  check_refused(  // larger than its packet
      blob_with(8, {0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0xaa, 0xbb}));
  check_refused(  // cut short
      blob_with(8, {0x00, 0x05, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0xaa}));
}

TEST_CASE("stream frame: frames follow each other; a blob may have none") {
  const auto got = read_all(join({session_5, bytes{0x04}, stream_7, bytes{0x07}, stream_7}));
  REQUIRE(got);
  REQUIRE(got->frames.size() == 2);
  CHECK(std::holds_alternative<stream::migrate>(got->frames[0].event));
  CHECK(std::holds_alternative<stream::close>(got->frames[1].event));

  const auto empty = read_all(session_5);
  REQUIRE(empty);
  CHECK(empty->header == header_5);
  CHECK(empty->frames.empty());
  check_refused({});
}

TEST_CASE("stream frame: unknown kinds and values are refused") {
  check_refused(blob_with(9, {}));
  check_refused(blob_with(0xff, {}));
  check_refused(blob_with(2, {0x05}));  // a refusal that is none

  bytes open(2 + 16 + 2, 0);
  append(open, bytes{0x03, 0x00});  // a transport that is none
  check_refused(blob_with(0, open));
  open.resize(2 + 16 + 2);
  append(open, bytes{0x00, 0x04});  // a bit that means nothing
  check_refused(blob_with(0, open));

  check_refused(blob_with(5, {0x02, 0x00, 0x00, 0x00, 0x00}));  // neither yes nor no
}

TEST_CASE("stream frame: a packet longer than its blob is refused before it is copied") {
  check_refused(blob_with(5, {0x00, 0xff, 0xff, 0xff, 0xff, 0xaa}));
  check_refused(blob_with(5, {0x00, 0x02, 0x00, 0x00, 0x00, 0xaa}));
}

TEST_CASE("stream frame: a blob over the limit is refused, one at it is taken") {
  auto blob = session_5;
  const auto overhead = session_5.size() + 1 + 8 + 1 + 4;
  encode_stream_frame(
      {.stream = 7, .event = stream::data{packet_buffer{bytes(max_stream_blob - overhead)}, false}},
      blob);
  REQUIRE(blob.size() == max_stream_blob);
  CHECK(read_all(blob));

  blob = session_5;
  encode_stream_frame(
      {.stream = 7,
       .event = stream::data{packet_buffer{bytes(max_stream_blob - overhead + 1)}, false}},
      blob);
  check_refused(blob);
}

rc::Gen<stream::event> any_event() {
  return rc::gen::exec([]() -> stream::event {
    switch (*rc::gen::inRange(0, 8)) {
      case 0: {
        stream::open opening{.dc = *rc::gen::arbitrary<dc_id>(),
                             .client = *any_endpoint(),
                             .kind = *any_framing(),
                             .tag = std::nullopt,
                             .migrating = *rc::gen::arbitrary<bool>(),
                             .waiting_bytes = *rc::gen::arbitrary<std::uint32_t>(),
                             .waiting_packets = *rc::gen::arbitrary<std::uint32_t>()};
        if (*rc::gen::arbitrary<bool>()) opening.tag = *rc::gen::arbitrary<rpc::ad_tag>();
        return opening;
      }
      case 1:
        return stream::opened{*rc::gen::arbitrary<dc_id>()};
      case 2:
        return stream::refused{static_cast<refusal>(*rc::gen::inRange(0, 5))};
      case 3:
        return stream::quick_ack{*rc::gen::arbitrary<std::uint32_t>()};
      case 4:
        return stream::migrate{};
      case 5:
        return stream::data{.packet = packet_buffer{*any_bytes()},
                            .quick_ack = *rc::gen::arbitrary<bool>()};
      case 6:
        return stream::ack{.size = *rc::gen::arbitrary<std::uint32_t>(),
                           .packets = *rc::gen::arbitrary<std::uint32_t>()};
      default:
        return stream::close{};
    }
  });
}

rc::Gen<std::vector<stream_frame>> any_frames() {
  return rc::gen::container<std::vector<stream_frame>>(rc::gen::build<stream_frame>(
      rc::gen::set(&stream_frame::stream), rc::gen::set(&stream_frame::event, any_event())));
}

bytes blob_of(const std::vector<stream_frame>& frames) {
  bytes blob;
  begin_stream_blob(header_5, blob);
  for (const auto& frame : frames)
    encode_stream_frame(frame, blob);
  return blob;
}

TEST_CASE(
    "stream frame: every blob comes out as it went in, and cut anywhere is a part or refused") {
  check_property([] {
    const auto frames = *any_frames();
    bytes blob;
    begin_stream_blob(header_5, blob);
    std::vector<std::size_t> ends{blob.size()};
    for (const auto& frame : frames) {
      encode_stream_frame(frame, blob);
      ends.push_back(blob.size());
    }
    const auto whole = read_all(blob);
    RC_ASSERT(whole.has_value());
    RC_ASSERT(whole->frames == frames);

    for (std::size_t size = 0; size < blob.size(); ++size) {
      const auto got = read_all(start_of(blob, size));
      const auto end = std::ranges::find(ends, size);
      RC_ASSERT(got.has_value() == (end != ends.end()));
      if (!got) continue;
      auto part = frames;
      part.resize(static_cast<std::size_t>(end - ends.begin()));
      RC_ASSERT(got->frames == part);
    }
  });
}

TEST_CASE("stream frame: what is read from changed bytes is written back the same, or refused") {
  check_property([] {
    auto blob = blob_of(*any_frames());
    blob[*rc::gen::inRange<std::size_t>(stream_blob_header_size - 1, blob.size())] =
        *rc::gen::arbitrary<std::uint8_t>();
    const auto got = read_all(blob);
    if (!got || !got->parts.empty()) return;
    bytes again;
    begin_stream_blob(got->header, again);
    for (const auto& frame : got->frames)
      encode_stream_frame(frame, again);
    RC_ASSERT(again == blob);
  });
}

TEST_CASE("stream frame: random bytes are frames or refused") {
  check_property([] {
    const auto got = read_all(join({session_5, *any_bytes()}));
    RC_ASSERT(got.has_value() || got.error() == errc::bad_stream_frame);
  });
}

}  // namespace
}  // namespace mtp
