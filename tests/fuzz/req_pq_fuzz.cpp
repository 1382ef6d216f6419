// A packet as the first question of a client, and as its answer.
#include "codecs/telegram/req_pq.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view packet{data, size};
  const auto question = mtp::parse_req_pq(packet);
  const auto answer = mtp::parse_res_pq(packet);
  FUZZ_REQUIRE(!question || !answer);
  // Both have their nonce behind ids, length and constructor.
  if (question) FUZZ_REQUIRE(std::ranges::equal(*question, packet.subspan(24, 16)));
  if (answer) FUZZ_REQUIRE(std::ranges::equal(*answer, packet.subspan(24, 16)));
  return 0;
}
