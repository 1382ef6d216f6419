// A connection's stream: options (1 byte, bit 0: in TLS records), sizes of pieces (4), then what
// arrives. It must come out the same as at once; and what is written must be read back.
#include "codecs/client/obfuscated_stream.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

mtp::aes_ctr cipher() {
  return {mtp::key32{1, 2, 3}, mtp::iv16{4, 5, 6}};
}

/// What the reader has in the end; nothing if it was given bad records.
std::optional<mtp::bytes> read(mtp::envelope outer, std::vector<mtp::bytes> pieces) {
  mtp::obfuscated_reader reader{cipher(), outer};
  mtp::bytes received;
  for (auto& piece : pieces) {
    if (!reader.feed(piece)) return std::nullopt;
    // Packets of 7 bytes, so that something is left over.
    while (reader.view().size() >= 7) {
      mtp::append(received, reader.view().first(7));
      reader.consume(7);
    }
    reader.close();
  }
  mtp::append(received, reader.view());
  return received;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto options = mtp::fuzz::take_byte(in);
  const auto outer = (options & 1) != 0 ? mtp::envelope::tls : mtp::envelope::none;
  const auto sizes = mtp::fuzz::take_bytes(in, 4);
  FUZZ_REQUIRE(read(outer, mtp::fuzz::cut(in, sizes)) == read(outer, {mtp::to_bytes(in)}));

  mtp::obfuscated_writer writer{cipher(), outer};
  writer.size_records({mtp::record_sizing::ramp, 1});
  mtp::bytes sent;
  for (const auto& piece : mtp::fuzz::cut(in, sizes)) {
    mtp::append(writer.plain(), piece);
    FUZZ_REQUIRE(writer.pending() == piece.size());
    mtp::append(sent, writer.take());
  }
  const auto got = read(outer, mtp::fuzz::cut(sent, sizes));
  FUZZ_REQUIRE(got && std::ranges::equal(*got, in));
  return 0;
}
