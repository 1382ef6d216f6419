#include "codecs/telegram/rpc_stream.hpp"

#include <algorithm>

#include "tests/support/property.hpp"

namespace mtp::rpc {
namespace {

using test::any_packet;
using test::any_split;
using test::check_property;
using test::join;

constexpr cipher_key key{.key = {1, 2, 3}, .iv = {4, 5, 6}};
const bytes nonce(32, 0x11);
const bytes handshake(32, 0x22);

/// A side of the connection as it starts: nonce plain, handshake encrypted, then `crc`.
bytes opening(stream_writer& writer, checksum crc = checksum::crc32) {
  writer.write(nonce);
  auto written = writer.take();
  writer.encrypt_with(key);
  writer.write(handshake);
  append(written, writer.take());
  writer.use(crc);
  return written;
}

/// Reads a connection as the proxy does: keys after the first frame, `crc` after the second.
class connection_reader {
 public:
  explicit connection_reader(checksum crc = checksum::crc32, bool verify = true)
      : crc_{crc}, stream_{verify} {}

  /// Takes what one read brought; the error that ended the stream, if one did.
  std::optional<errc> read(bytes data) {
    stream_.feed(data);
    while (true) {
      const auto body = stream_.next();
      if (!body) return body.error();
      if (!*body) break;
      bodies_.push_back(to_bytes(**body));
      if (bodies_.size() == 1) stream_.decrypt_with(key);
      if (bodies_.size() == 2) stream_.use(crc_);
    }
    stream_.close();
    return std::nullopt;  // `data` ends here: what is unread was copied
  }
  [[nodiscard]] const std::vector<bytes>& bodies() const { return bodies_; }

 private:
  checksum crc_;
  stream_reader stream_;
  std::vector<bytes> bodies_;
};

TEST_CASE("rpc stream: the nonce goes plain and without filler") {
  stream_writer writer;
  writer.write(byte_view{nonce}.first(4), byte_view{nonce}.subspan(4));
  CHECK(writer.pending() == 44);
  const auto sent = writer.take();
  CHECK(writer.pending() == 0);
  REQUIRE(sent.size() == 44);
  CHECK(bytes(sent.begin(), sent.begin() + 12) == bytes{0x2c, 0x00, 0x00, 0x00,  // 44 bytes in all
                                                        0xfe, 0xff, 0xff, 0xff,  // number -2
                                                        0x11, 0x11, 0x11, 0x11});
  CHECK(writer.take().empty());
}

TEST_CASE("rpc stream: filler behind a nonce in plain is skipped, in any pieces") {
  check_property([] {
    stream_writer writer;
    const auto start = opening(writer);
    writer.write(bytes(64, 0x33));
    const auto nonce_end = start.begin() + 44;
    bytes stream(start.begin(), nonce_end);
    const auto fillers = *rc::gen::inRange<std::size_t>(0, 4);
    for (std::size_t i = 0; i < fillers; ++i)
      append(stream, bytes{0x04, 0x00, 0x00, 0x00});
    stream.insert(stream.end(), nonce_end, start.end());
    append(stream, writer.take());
    connection_reader reader;
    for (const auto& piece : *any_split(stream))
      RC_ASSERT(!reader.read(piece));
    RC_ASSERT(reader.bodies() == (std::vector<bytes>{nonce, handshake, bytes(64, 0x33)}));
  });
}

TEST_CASE("rpc stream: after it, flushes are whole AES blocks") {
  stream_writer writer;
  const auto start = opening(writer);
  REQUIRE(start.size() == 44 + 48);  // handshake: 44 bytes and a word of filler
  auto encrypted = bytes(start.begin() + 44, start.end());
  aes_cbc_decryptor{key.key, key.iv}.apply(encrypted);
  CHECK(bytes(encrypted.begin(), encrypted.begin() + 8) == bytes{0x2c, 0x00, 0x00, 0x00,    // 44
                                                                 0xff, 0xff, 0xff, 0xff});  // -1
  CHECK(bytes(encrypted.begin() + 44, encrypted.end()) == bytes{0x04, 0x00, 0x00, 0x00});

  CHECK(writer.take().empty());
  writer.write(bytes(4, 1));  // 16 bytes: no filler
  CHECK(writer.take().size() == 16);
}

TEST_CASE("rpc stream: several frames in a flush share its filler") {
  stream_writer writer;
  auto stream = opening(writer);
  writer.write(bytes(8, 1));
  writer.write(bytes(8, 2));
  writer.write(bytes(8, 3));
  const auto flush = writer.take();
  CHECK(flush.size() == 64);  // 3 x 20, and one word
  append(stream, flush);
  connection_reader reader;
  CHECK_FALSE(reader.read(stream));
  CHECK(reader.bodies() == std::vector{nonce, handshake, bytes(8, 1), bytes(8, 2), bytes(8, 3)});
}

TEST_CASE("rpc stream: a frame written before the keys were set is encrypted if not yet taken") {
  stream_writer writer;
  writer.write(nonce);
  writer.encrypt_with(key);
  auto sent = writer.take();
  REQUIRE(sent.size() == 48);
  aes_cbc_decryptor{key.key, key.iv}.apply(sent);
  CHECK(sent[0] == 44);
}

TEST_CASE("rpc stream: encrypted bytes may come in the same read as the nonce") {
  stream_writer writer;
  const auto stream = opening(writer);
  for (const std::size_t cut : {44, 45, 59, 60, 61, 91, 92}) {
    connection_reader reader;
    CHECK_FALSE(reader.read(bytes(stream.begin(), stream.begin() + std::ptrdiff_t(cut))));
    CHECK_FALSE(reader.read(bytes(stream.begin() + std::ptrdiff_t(cut), stream.end())));
    CHECK(reader.bodies() == std::vector{nonce, handshake});
  }
}

TEST_CASE("rpc stream: any number of filler words may stand between frames, blocks of them too") {
  full_encoder frames;
  bytes plain;
  frames.encode(nonce, {}, plain);
  bytes blocks;
  const auto fill = [&](int words) {
    while (words-- > 0)
      append_le(blocks, std::uint32_t{4});
  };
  fill(9);
  frames.encode(handshake, {}, blocks);
  fill(1);
  frames.encode(bytes(4, 1), {}, blocks);
  fill(8);
  frames.encode(bytes(4, 2), {}, blocks);
  pad_to_block(blocks, 0);
  fill(4);
  aes_cbc_encryptor{key.key, key.iv}.apply(blocks);

  connection_reader reader;
  CHECK_FALSE(reader.read(join({plain, blocks})));
  CHECK(reader.bodies() == std::vector{nonce, handshake, bytes(4, 1), bytes(4, 2)});
}

TEST_CASE("rpc stream: a body that starts like filler is a body") {
  stream_writer writer;
  auto stream = opening(writer);
  writer.write(bytes{4, 0, 0, 0});
  append(stream, writer.take());
  connection_reader reader;
  CHECK_FALSE(reader.read(stream));
  CHECK(reader.bodies().back() == bytes{4, 0, 0, 0});
}

TEST_CASE("rpc stream: a wrong checksum, number or length ends it") {
  const auto error_of = [](const bytes& frame, bool verify = true) {
    stream_writer writer;
    const auto start = opening(writer);
    auto blocks = bytes(start.begin() + 44, start.end());
    aes_cbc_decryptor{key.key, key.iv}.apply(blocks);
    append(blocks, frame);
    pad_to_block(blocks, 0);
    aes_cbc_encryptor{key.key, key.iv}.apply(blocks);
    connection_reader reader{checksum::crc32, verify};
    return reader.read(join({byte_view{start}.first(44), blocks}));
  };
  const bytes good{0x10, 0x00, 0x00, 0x00,   // 16 bytes in all
                   0x00, 0x00, 0x00, 0x00,   // number 0
                   0x01, 0x01, 0x01, 0x01,   //
                   0x16, 0x27, 0xaf, 0xa0};  // CRC-32
  CHECK_FALSE(error_of(good));
  auto frame = good;
  frame[12] ^= 1;
  CHECK(error_of(frame) == errc::full_bad_crc);
  CHECK_FALSE(error_of(frame, false));
  frame = good;
  frame[4] = 1;
  CHECK(error_of(frame) == errc::full_bad_seqno);
  frame = good;
  frame[0] = 0x11;
  CHECK(error_of(frame) == errc::full_bad_length);
  frame[3] = 0x80;
  CHECK(error_of(frame) == errc::full_bad_length);
}

TEST_CASE("rpc stream: read with another key, the stream ends with an error") {
  stream_writer writer;
  auto stream = opening(writer);
  stream_reader reader;
  reader.feed(stream);
  REQUIRE(reader.next());
  auto other = key;
  other.iv[0] ^= 1;
  reader.decrypt_with(other);
  const auto got = reader.next();
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::full_bad_length);
}

TEST_CASE("rpc stream: any flushes in any split give the same frames") {
  check_property([] {
    const auto crc = *rc::gen::element(checksum::crc32, checksum::crc32c);
    stream_writer writer;
    auto stream = opening(writer, crc);
    std::vector<bytes> expected{nonce, handshake};
    const auto flushes = *rc::gen::container<std::vector<std::vector<bytes>>>(
        rc::gen::container<std::vector<bytes>>(any_packet()));
    for (const auto& flush : flushes) {
      for (const auto& body : flush) {
        const auto head =
            *rc::gen::inRange<std::size_t>(0, std::min<std::size_t>(body.size(), 88) + 1);
        if (*rc::gen::arbitrary<bool>()) {
          writer.write(byte_view{body}.first(head), byte_view{body}.subspan(head));
          expected.push_back(body);
        } else {
          auto whole = body;
          whole.resize(whole.size() + *rc::gen::element<std::size_t>(0, 4096, 20'000));
          writer.write(byte_view{whole}.first(head), packet_buffer{byte_view{whole}.subspan(head)});
          expected.push_back(whole);
        }
      }
      const auto sent = writer.take();
      RC_ASSERT((stream.size() - 44 + sent.size()) % aes_block == 0u);
      append(stream, sent);
    }
    connection_reader reader{crc};
    for (const auto& piece : *any_split(stream))
      RC_ASSERT(!reader.read(piece));
    RC_ASSERT(reader.bodies() == expected);
  });
}

TEST_CASE("rpc stream: a large packet is sent from where it is, and read into one piece") {
  stream_writer writer;
  auto stream = opening(writer);
  packet_buffer packet{bytes(100'000, 0x44)};
  const auto* const where = packet.view().data();
  writer.write(bytes(8, 1));
  writer.write(bytes(16, 2), std::move(packet));
  writer.write(bytes(8, 3));
  std::vector<chunk> chunks;
  const auto pending = writer.pending();
  const auto size = writer.take(chunks);
  CHECK(size == join(chunks).size());
  CHECK(size - pending < aes_block);
  REQUIRE(chunks.size() == 3);
  CHECK(chunks[1].view.data() == where - 16 - full_header);
  append(stream, join(chunks));

  stream_reader reader;
  bool is_open = false;
  std::size_t frames = 0;
  for (std::size_t at = 0; at < stream.size();) {
    auto read =
        to_bytes(byte_view{stream}.subspan(at, std::min<std::size_t>(30'000, stream.size() - at)));
    at += read.size();
    reader.feed(read);
    while (true) {
      const auto body = reader.next();
      REQUIRE(body);
      if (!*body) break;
      if (!std::exchange(is_open, true)) reader.decrypt_with(key);
      if (++frames != 4) continue;
      const auto claimed = reader.claim((*body)->subspan(16));
      CHECK(claimed.view().data() == (*body)->data() + 16);
      CHECK(to_bytes(claimed.view()) == bytes(100'000, 0x44));
    }
    reader.close();
  }
  CHECK(frames == 5);
}

TEST_CASE("rpc stream: changed bytes never give a frame that was not sent") {
  check_property([] {
    stream_writer writer;
    auto stream = opening(writer, checksum::crc32c);
    std::vector<bytes> sent{nonce, handshake};
    for (const auto& body : *rc::gen::container<std::vector<bytes>>(any_packet())) {
      writer.write(body);
      sent.push_back(body);
    }
    append(stream, writer.take());
    stream[*rc::gen::inRange<std::size_t>(0, stream.size())] ^= *rc::gen::nonZero<std::uint8_t>();
    connection_reader reader{checksum::crc32c};
    for (const auto& piece : *any_split(stream))
      if (reader.read(piece)) break;
    const auto& got = reader.bodies();
    RC_ASSERT(got.size() <= sent.size());
    RC_ASSERT(std::equal(got.begin(), got.end(), sent.begin()));
  });
}

}  // namespace
}  // namespace mtp::rpc
