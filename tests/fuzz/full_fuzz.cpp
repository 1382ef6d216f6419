// RPC frames with filler between them. The first byte: bit 0 turns checking of CRCs off, bit 1
// takes CRC-32C.
#include "codecs/telegram/full.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto options = mtp::fuzz::take_byte(in);
  const bool verify = (options & 1) == 0;
  const auto kind = (options & 2) != 0 ? mtp::checksum::crc32c : mtp::checksum::crc32;
  mtp::full_decoder decoder{verify};
  mtp::full_encoder encoder;
  decoder.use(kind);
  encoder.use(kind);
  while (true) {
    const auto filler = mtp::filler_prefix(in);
    FUZZ_REQUIRE(filler % 4 == 0 && filler <= in.size());
    in = in.subspan(filler);
    const auto frame = decoder.next(in);
    if (!frame || !*frame) break;
    const auto [body, consumed] = **frame;
    FUZZ_REQUIRE(consumed <= in.size() && consumed == body.size() + mtp::full_overhead);
    // The same frame comes out of an encoder that has got as far, but for a CRC that was not
    // checked.
    mtp::bytes again;
    encoder.encode(body, {}, again);
    const auto same = verify ? consumed : consumed - 4;
    FUZZ_REQUIRE(again.size() == consumed);
    FUZZ_REQUIRE(std::ranges::equal(mtp::byte_view{again}.first(same), in.first(same)));
    in = in.subspan(consumed);
  }
  return 0;
}
