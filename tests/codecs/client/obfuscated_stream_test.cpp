#include "codecs/client/obfuscated_stream.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_split;
using test::check_property;
using test::join;
using test::noise;

aes_ctr cipher() {
  return {key32{1, 2, 3}, iv16{4, 5, 6}};
}

bytes enciphered(bytes plain) {
  cipher().apply(plain);
  return plain;
}

bytes in_record(byte_view payload) {
  bytes records;
  append_tls_records(payload, 65535, records);
  return records;
}

/// Feeds `pieces` one by one; takes whatever the reader has after each, in two steps.
bytes read_all(obfuscated_reader& reader, std::vector<bytes> pieces) {
  bytes got;
  for (auto& piece : pieces) {
    RC_ASSERT(reader.feed(piece).has_value());
    const auto half = reader.view().size() / 2;
    append(got, reader.view().first(half));
    reader.consume(half);
    reader.close();
    std::ranges::fill(piece, std::uint8_t{0xdd});
  }
  append(got, reader.view());
  return got;
}

rc::Gen<envelope> any_envelope() {
  return rc::gen::element(envelope::none, envelope::tls);
}

const bytes change_cipher_spec{0x14, 0x03, 0x03, 0x00, 0x01, 0x01};

TEST_CASE("obfuscated_writer: without an envelope, the enciphered bytes and nothing else") {
  obfuscated_writer writer{cipher(), envelope::none};
  append(writer.plain(), bytes{1, 2, 3});
  append(writer.plain(), bytes{4});
  CHECK(writer.pending() == 4);
  CHECK(writer.take() == enciphered({1, 2, 3, 4}));
  CHECK(writer.pending() == 0);
}

TEST_CASE("obfuscated_writer: in an envelope, a flush is one record") {
  obfuscated_writer writer{cipher(), envelope::tls};
  append(writer.plain(), bytes{1, 2, 3});
  append(writer.plain(), bytes{4});
  CHECK(writer.pending() == 4);
  CHECK(writer.take() == join({bytes{0x17, 0x03, 0x03,  // application data
                                     0x00, 0x04},       // 4 bytes
                               enciphered({1, 2, 3, 4})}));
  CHECK(writer.pending() == 0);

  append(writer.plain(), bytes{5});  // the cipher has gone on
  const auto all = enciphered({1, 2, 3, 4, 5});
  CHECK(writer.take() == in_record(byte_view{all}.subspan(4)));
}

TEST_CASE("obfuscated_writer: when nothing is pending, nothing is sent") {
  for (const auto outer : {envelope::none, envelope::tls}) {
    obfuscated_writer writer{cipher(), outer};
    CHECK(writer.take().empty());
    append(writer.plain(), {});  // asked for, but nothing came of it
    CHECK(writer.pending() == 0);
    CHECK(writer.take().empty());
    append(writer.plain(), bytes{1, 2, 3});
    CHECK(writer.pending() == 3);
    const auto sent = enciphered({1, 2, 3});
    CHECK(writer.take() == (outer == envelope::tls ? in_record(sent) : sent));
  }
}

/// Checks that `size` bytes are sent in full records, but for the last, of at most `longest`.
void check_records(obfuscated_writer writer, std::size_t size, std::size_t longest) {
  const auto plain = noise(size, size);
  append(writer.plain(), plain);
  const auto sent = writer.take();
  std::size_t at = 0;
  bytes payload;
  while (at < sent.size()) {
    const auto length = load_be16(byte_view{sent}.subspan(at + 3));
    append(payload, byte_view{sent}.subspan(at + tls_record_header_size, length));
    at += tls_record_header_size + length;
    CHECK(length > 0);
    CHECK((at < sent.size() ? length == longest : length <= longest));
  }
  CHECK(payload == enciphered(plain));
}

TEST_CASE("obfuscated_writer: a large flush is cut into records as real servers send them") {
  for (const std::size_t size : {16400, 16401, 16402, 32802, 32803, 100'000})
    check_records({cipher(), envelope::tls}, size, 16401);
}

/// The lengths of the records that `writer` makes of packets of these sizes, written at once. Their
/// payload is checked.
std::vector<std::size_t> record_lengths(obfuscated_writer& writer, aes_ctr& mirror,
                                        const std::vector<std::size_t>& packets, bool large) {
  bytes plain;
  for (const auto size : packets) {
    const auto packet = noise(size, size);
    if (large) {
      writer.write(framing::intermediate, packet_buffer{packet}, {});
    } else {
      encode_frame(framing::intermediate, packet, {}, writer.plain());
    }
    encode_frame(framing::intermediate, packet, {}, plain);
  }
  mirror.apply(plain);
  const auto sent = writer.take();
  std::vector<std::size_t> lengths;
  bytes payload;
  for (std::size_t at = 0; at < sent.size();) {
    lengths.push_back(load_be16(byte_view{sent}.subspan(at + 3)));
    append(payload, byte_view{sent}.subspan(at + tls_record_header_size, lengths.back()));
    at += tls_record_header_size + lengths.back();
  }
  CHECK(payload == plain);
  return lengths;
}

TEST_CASE("obfuscated_writer: a ramp of records: 40 short ones, 20 longer ones, then full ones") {
  for (const bool large : {false, true}) {
    obfuscated_writer writer{cipher(), envelope::tls};
    writer.size_records({record_sizing::ramp, 4711});
    auto mirror = cipher();
    const auto lengths = record_lengths(writer, mirror, {60'000, 90'000, 100'000}, large);
    REQUIRE(lengths.size() > 62);
    std::set<std::size_t> seen;
    for (std::size_t i = 0; i < 62; ++i) {
      CAPTURE(i);
      const std::size_t most = i < 40 ? 1400 : i < 60 ? 4096 : 16384;
      CHECK(lengths[i] <= most);
      // The end of a large packet is the end of a record.
      if (!large) CHECK(lengths[i] > most - 100);
      seen.insert(most - lengths[i]);
    }
    CHECK(seen.size() > 10);
    // After a silence it begins anew; small packets are records as they are.
    writer.sizes().restart();
    const auto again = record_lengths(writer, mirror, {100, 5000}, large);
    CHECK(std::ranges::max(again) <= 1400);
    CHECK(record_lengths(writer, mirror, {100}, large) == std::vector<std::size_t>{104});
  }
}

TEST_CASE("obfuscated_writer: records are as long as they may be where nobody wants a ramp") {
  obfuscated_writer writer{cipher(), envelope::tls};
  writer.size_records({record_sizing::off, 4711});
  auto mirror = cipher();
  CHECK(record_lengths(writer, mirror, {40'000}, true) ==
        std::vector<std::size_t>{16401, 16401, 40'004 - 2 * 16401});
}

TEST_CASE("obfuscated_reader: ChangeCipherSpec between records is skipped") {
  obfuscated_reader reader{cipher(), envelope::tls};
  const auto sent = enciphered({1, 2, 3, 4});
  auto stream = join({change_cipher_spec, in_record(byte_view{sent}.first(1)), change_cipher_spec,
                      in_record(byte_view{sent}.subspan(1))});
  REQUIRE(reader.feed(stream));
  CHECK(to_bytes(reader.view()) == bytes{1, 2, 3, 4});
}

TEST_CASE("obfuscated_reader: an alert ends the stream with an error") {
  obfuscated_reader reader{cipher(), envelope::tls};
  bytes stream{0x15, 0x03, 0x03,  // alert
               0x00, 0x02,        // 2 bytes
               0x01, 0x00};       // close_notify
  const auto got = reader.feed(stream);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::tls_bad_record);
}

TEST_CASE("obfuscated_reader: without an envelope, bytes that look like a record are data") {
  obfuscated_reader reader{cipher(), envelope::none};
  auto stream = enciphered({0x15, 0x03, 0x03, 0x00, 0x02});
  REQUIRE(reader.feed(stream));
  CHECK(to_bytes(reader.view()) == bytes{0x15, 0x03, 0x03, 0x00, 0x02});
}

TEST_CASE("obfuscated streams: what one end writes, the other reads in any split") {
  check_property([] {
    const auto outer = *any_envelope();
    obfuscated_writer writer{cipher(), outer};
    bytes stream;
    bytes expected;
    for (const auto& flush : *rc::gen::container<std::vector<bytes>>(any_bytes())) {
      append(writer.plain(), flush);
      RC_ASSERT(writer.pending() == flush.size());
      append(stream, writer.take());
      append(expected, flush);
    }
    obfuscated_reader reader{cipher(), outer};
    RC_ASSERT(read_all(reader, *any_split(stream)) == expected);
  });
}

TEST_CASE("obfuscated_reader: records of any size, with ChangeCipherSpec anywhere, in any split") {
  check_property([] {
    const auto plain = noise(*rc::gen::inRange<std::size_t>(0, 100'000), 1);
    const auto sent = enciphered(plain);
    bytes stream;
    byte_view rest{sent};
    while (!rest.empty()) {
      if (*rc::gen::arbitrary<bool>()) append(stream, change_cipher_spec);
      if (*rc::gen::arbitrary<bool>()) append(stream, bytes{0x17, 0x03, 0x03, 0x00, 0x00});
      const auto longest = std::min<std::size_t>(rest.size(), 65535);
      const auto size = *rc::gen::inRange<std::size_t>(longest / 9, longest) + 1;
      append(stream, in_record(rest.first(size)));
      rest = rest.subspan(size);
    }
    obfuscated_reader reader{cipher(), envelope::tls};
    RC_ASSERT(read_all(reader, *any_split(stream)) == plain);
  });
}

TEST_CASE("obfuscated_reader: goes on with a stream that somebody began to read") {
  check_property([] {
    const auto outer = *any_envelope();
    const auto plain = *any_bytes();
    bytes stream;
    if (outer == envelope::tls)
      append_tls_records(enciphered(plain), *rc::gen::inRange<std::size_t>(1, 50), stream);
    else
      stream = enciphered(plain);
    const auto begun = *rc::gen::inRange<std::size_t>(0, stream.size() + 1);
    auto first = test::start_of(stream, begun);
    std::optional<tls_record_reader> records;
    byte_view unwrapped{first};
    if (outer == envelope::tls) {
      records.emplace();
      const auto payload = records->feed(first);
      RC_ASSERT(payload.has_value());
      unwrapped = *payload;
    }
    obfuscated_reader reader{cipher(), records, unwrapped};
    RC_ASSERT(to_bytes(reader.view()) == test::start_of(plain, unwrapped.size()));
    std::ranges::fill(first, std::uint8_t{0xdd});
    const auto rest = to_bytes(byte_view{stream}.subspan(begun));
    RC_ASSERT(read_all(reader, *any_split(rest)) == plain);
  });
}

TEST_CASE("obfuscated_writer: a large packet is sent from where it is") {
  for (const auto outer : {envelope::none, envelope::tls}) {
    obfuscated_writer writer{cipher(), outer};
    packet_buffer packet{noise(100'000, 1)};
    const auto* const where = packet.view().data();
    writer.write(framing::padded, packet_buffer{bytes(8, 1)}, {});
    writer.write(framing::padded, std::move(packet), bytes{7, 7, 7});
    writer.write(framing::padded, packet_buffer{bytes(8, 2)}, {});
    CHECK(writer.pending() == 12 + 4 + 100'000 + 3 + 12);
    std::vector<chunk> chunks;
    const auto size = writer.take(chunks);
    CHECK(writer.pending() == 0);
    CHECK(size == join(chunks).size());
    CHECK(std::ranges::any_of(chunks,
                              [&](const chunk& part) { return part.view.data() == where - 4; }));
    // The last chunk with a packet's bytes owns them, so that they outlive all others.
    for (std::size_t i = 0; i < chunks.size(); ++i)
      if (const auto* const owned = std::get_if<packet_buffer>(&chunks[i].memory))
        CHECK(owned->view().data() + owned->size() ==
              chunks[i].view.data() + chunks[i].view.size());
  }
}

TEST_CASE("obfuscated streams: packets of any size arrive, whatever is gathered or cut") {
  check_property([] {
    const auto outer = *any_envelope();
    const auto kind = *rc::gen::element(framing::abridged, framing::intermediate, framing::padded);
    obfuscated_writer writer{cipher(), outer};
    writer.size_records(*rc::gen::element(record_sizes{}, record_sizes{2878},
                                          record_sizes{record_sizing::ramp, 1}));
    std::vector<bytes> expected;
    bytes stream;
    const auto count = *rc::gen::inRange(0, 8);
    for (int i = 0; i < count; ++i) {
      const auto words = *rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 300),
                                         rc::gen::inRange<std::size_t>(500, 20'000));
      expected.push_back(noise(words * 4, static_cast<unsigned>(i)));
      const bytes padding(kind == framing::padded ? *rc::gen::inRange<std::size_t>(0, 4) : 0);
      writer.write(kind, packet_buffer{expected.back()}, padding);
      if (*rc::gen::arbitrary<bool>()) append(stream, writer.take());
    }
    append(stream, writer.take());
    obfuscated_reader reader{cipher(), outer};
    std::vector<bytes> got;
    for (auto& piece : *any_split(stream)) {
      RC_ASSERT(reader.feed(piece).has_value());
      while (true) {
        auto next = reader.next(kind);
        RC_ASSERT(next.has_value());
        if (!*next) break;
        got.push_back(to_bytes((*next)->packet.view()));
      }
      reader.close();
      std::ranges::fill(piece, std::uint8_t{0xdd});
    }
    RC_ASSERT(got == expected);
  });
}

TEST_CASE("obfuscated_reader: random bytes are data or an error") {
  check_property([] {
    const auto outer = *any_envelope();
    obfuscated_reader reader{cipher(), outer};
    auto data = *any_bytes();
    const auto size = data.size();
    const auto got = reader.feed(data);
    RC_ASSERT(got.has_value() || outer == envelope::tls);
    if (got) RC_ASSERT(reader.view().size() <= size);
  });
}

}  // namespace
}  // namespace mtp
