// A text as address, endpoint, port, network and name. What is read is written and read again.
#include "codecs/base/cidr.hpp"
#include "codecs/base/host_name.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = mtp::as_text({data, size});
  if (const auto ip = mtp::ip_address::parse(text)) {
    FUZZ_REQUIRE(mtp::ip_address::parse(mtp::to_string(*ip)) == *ip);
    FUZZ_REQUIRE(mtp::ip_address::v6(ip->mapped()) == *ip);
    FUZZ_REQUIRE(ip->is_private() || !(ip->is_any() || ip->is_loopback()));
  }
  if (const auto at = mtp::parse_endpoint(text)) {
    FUZZ_REQUIRE(at->port != 0);
    FUZZ_REQUIRE(mtp::parse_endpoint(mtp::to_string(*at)) == *at);
  }
  if (const auto port = mtp::parse_port(text)) FUZZ_REQUIRE(*port != 0);
  if (const auto network = mtp::cidr::parse(text)) {
    FUZZ_REQUIRE(mtp::cidr::parse(mtp::to_string(*network)) == network);
    FUZZ_REQUIRE(network->contains(network->first()));
  }
  if (const auto name = mtp::normal_host_name(text)) {
    FUZZ_REQUIRE(name->size() <= mtp::max_host_name && name->find('\0') == std::string::npos);
    FUZZ_REQUIRE(mtp::normal_host_name(*name) == name);
    FUZZ_REQUIRE(!mtp::ip_address::parse(*name));
  }
  return 0;
}
