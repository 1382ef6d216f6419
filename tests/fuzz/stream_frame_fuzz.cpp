// A blob of stream frames from another node. What is read is written back byte for byte.
#include "codecs/stream_frame.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view in{data, size};
  const auto blob = mtp::decode_stream_blob(in);
  if (!blob) return 0;
  mtp::bytes again;
  mtp::begin_stream_blob(blob->session, again);
  for (const auto& frame : blob->frames)
    mtp::encode_stream_frame(frame, again);
  FUZZ_REQUIRE(std::ranges::equal(again, in));
  return 0;
}
