// The fingerprint of a hello, whatever it is.
#include "codecs/client/ja4.hpp"

#include "codecs/client/tls_client_hello.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view record{data, size};
  const auto got = mtp::ja4_fingerprint(record);
  // A hello that is sound has one.
  FUZZ_REQUIRE(got || !mtp::parse_client_hello(record));
  if (!got) {
    FUZZ_REQUIRE(got.error() == mtp::errc::tls_bad_client_hello);
    return 0;
  }
  FUZZ_REQUIRE(got->size() == mtp::ja4_size);
  FUZZ_REQUIRE(std::ranges::all_of(*got, [](char c) { return c > ' ' && c <= '~'; }));
  FUZZ_REQUIRE((*got)[10] == '_' && (*got)[23] == '_');
  return 0;
}
