// First words of another node. What is read of our own version is written back byte for byte.
#include "codecs/node_link/link_hello.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view in{data, size};
  if (const auto hello = mtp::decode_link_hello(in); hello && hello->version == mtp::link_version)
    FUZZ_REQUIRE(std::ranges::equal(mtp::encode_link_hello(*hello), in));
  if (const auto answer = mtp::decode_link_answer(in);
      answer && answer->version == mtp::link_version)
    FUZZ_REQUIRE(std::ranges::equal(mtp::encode_link_answer(*answer), in));
  return 0;
}
