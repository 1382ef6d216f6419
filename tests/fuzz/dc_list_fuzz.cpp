// The text of getProxyConfig. What is read is written and read again.
#include "codecs/dc_list.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto list = mtp::parse_dc_list(mtp::as_text({data, size}));
  if (!list) return 0;
  FUZZ_REQUIRE(!list->endpoints.empty() && list->endpoints.size() <= mtp::max_dcs);
  for (const auto& [dc, endpoints] : list->endpoints)
    FUZZ_REQUIRE(!endpoints.empty() && endpoints.size() <= mtp::max_endpoints_per_dc);
  FUZZ_REQUIRE(mtp::parse_dc_list(mtp::format_dc_list(*list)) == *list);
  return 0;
}
