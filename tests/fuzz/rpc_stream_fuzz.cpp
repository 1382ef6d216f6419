// What a middle proxy sends, in pieces: sizes of pieces (4 bytes), then the stream as it is before
// encryption. Everything behind the first frame is encrypted here, as the fuzzer can't do it. The
// frames must be the same as those of the stream read at once.
#include "codecs/telegram/rpc_stream.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

constexpr mtp::cipher_key key{.key = {1, 2, 3}, .iv = {4, 5, 6}};

struct outcome {
  std::vector<mtp::bytes> bodies;
  std::optional<mtp::errc> error;
  friend bool operator==(const outcome&, const outcome&) = default;
};

/// Reads as the proxy does: keys after the first frame, CRC-32C (unchecked) after the second.
outcome read(std::vector<mtp::bytes> pieces) {
  mtp::rpc::stream_reader reader{false};
  outcome seen;
  for (auto& piece : pieces) {
    reader.feed(piece);
    while (true) {
      const auto body = reader.next();
      if (!body) {
        seen.error = body.error();
        return seen;
      }
      if (!*body) break;
      FUZZ_REQUIRE((*body)->size() % 4 == 0);
      seen.bodies.push_back(mtp::to_bytes(**body));
      if (seen.bodies.size() == 1) reader.decrypt_with(key);
      if (seen.bodies.size() == 2) reader.use(mtp::checksum::crc32c);
    }
    reader.close();
  }
  return seen;
}

/// Where the first frame ends; the size of the stream if it does not.
std::size_t end_of_first_frame(mtp::byte_view stream) {
  const auto filler = mtp::filler_prefix(stream);
  const auto frame = mtp::full_decoder{false}.next(stream.subspan(filler));
  return frame && *frame ? filler + (*frame)->consumed : stream.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto sizes = mtp::fuzz::take_bytes(in, 4);
  auto stream = mtp::to_bytes(in);
  const auto encrypted = mtp::byte_span{stream}.subspan(end_of_first_frame(stream));
  const auto blocks = encrypted.first(encrypted.size() - encrypted.size() % mtp::aes_block);
  mtp::aes_cbc_encryptor{key.key, key.iv}.apply(blocks);
  FUZZ_REQUIRE(read(mtp::fuzz::cut(stream, sizes)) == read({stream}));
  return 0;
}
