// The start of a connection that should have a PROXY header. A decision must not change with what
// follows, and what is written is read again.
#include "codecs/client/proxy_header.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view in{data, size};
  const auto read = mtp::read_proxy_header(in);
  if (!read) {
    FUZZ_REQUIRE(read.error() == mtp::errc::bad_proxy_header);
    return 0;
  }
  if (!*read) {
    FUZZ_REQUIRE(size < mtp::max_proxy_header);
    return 0;
  }
  const auto& header = **read;
  FUZZ_REQUIRE(header.consumed <= size && header.consumed <= mtp::max_proxy_header);
  const auto alone = mtp::to_bytes(in.first(header.consumed));
  FUZZ_REQUIRE(mtp::read_proxy_header(alone) == read);
  const auto cut = mtp::read_proxy_header(mtp::byte_view{alone}.first(alone.size() - 1));
  FUZZ_REQUIRE(cut && !*cut);
  for (const auto version : {mtp::proxy_version::v1, mtp::proxy_version::v2}) {
    const auto written = mtp::make_proxy_header(version, header.ends);
    const mtp::proxy_header expected{.consumed = written.size(), .ends = header.ends};
    FUZZ_REQUIRE(mtp::read_proxy_header(written) == expected);
  }
  return 0;
}
