// First words of another node. What is read whole is written back byte for byte, however much a
// later build adds to it.
#include "codecs/node_link/link_hello.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

bool is_whole(const mtp::link_offer& offer) {
  return offer.highest >= mtp::oldest_link_version;
}

/// What two nodes agree on is what both can do.
void check_terms(const mtp::link_offer& offer) {
  FUZZ_REQUIRE(offer.additions.size() <= mtp::max_link_additions);
  const auto terms = mtp::common_terms(offer, {});
  if (!terms) return;
  FUZZ_REQUIRE(terms->version >= mtp::oldest_link_version && terms->version <= mtp::link_version);
  FUZZ_REQUIRE((terms->capabilities & ~mtp::link_capability::all) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view in{data, size};
  if (const auto hello = mtp::decode_link_hello(in)) {
    check_terms(hello->offer);
    if (is_whole(hello->offer))
      FUZZ_REQUIRE(std::ranges::equal(mtp::encode_link_hello(*hello), in));
  }
  if (const auto answer = mtp::decode_link_answer(in)) {
    check_terms(answer->offer);
    if (is_whole(answer->offer))
      FUZZ_REQUIRE(std::ranges::equal(mtp::encode_link_answer(*answer), in));
  }
  return 0;
}
