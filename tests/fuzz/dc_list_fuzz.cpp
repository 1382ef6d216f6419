// The text of getProxyConfig. What is read is written and read again.
#include "codecs/telegram/dc_list.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = mtp::parse_dc_list(mtp::as_text({data, size}));
  if (!read) return 0;
  const auto& list = read->list;
  FUZZ_REQUIRE(!list.endpoints.empty() && list.endpoints.size() <= mtp::max_dcs);
  for (const auto& [dc, endpoints] : list.endpoints)
    FUZZ_REQUIRE(!endpoints.empty() && endpoints.size() <= mtp::max_endpoints_per_dc);
  FUZZ_REQUIRE(read->broken.size() == std::min(read->broken_count, mtp::max_broken_lines));
  for (const auto& line : read->broken)
    FUZZ_REQUIRE(line.number > 0 && line.text.size() <= mtp::max_broken_line_text);
  const auto again = mtp::parse_dc_list(mtp::format_dc_list(list));
  FUZZ_REQUIRE(again->list == list && again->broken_count == 0);
  return 0;
}
