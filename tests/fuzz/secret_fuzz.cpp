// A text as a secret and as a link. What is read is written and read again, in every form.
#include "codecs/client/secret.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = mtp::as_text({data, size});
  if (const auto secret = mtp::parse_secret(text)) {
    FUZZ_REQUIRE(mtp::parse_secret(mtp::format_secret_hex(*secret)) == *secret);
    FUZZ_REQUIRE(mtp::parse_secret(mtp::format_secret_base64(*secret)) == *secret);
    FUZZ_REQUIRE(secret->domain.size() <= mtp::max_domain_size);
    FUZZ_REQUIRE(secret->domain.empty() == (secret->kind != mtp::secret_kind::fake_tls));
  }
  if (const auto link = mtp::parse_link(text)) {
    FUZZ_REQUIRE(!link->server.empty() && link->server.size() <= mtp::max_server_size);
    FUZZ_REQUIRE(link->port != 0);
    FUZZ_REQUIRE(mtp::parse_link(mtp::format_tg_link(*link)) == *link);
    FUZZ_REQUIRE(mtp::parse_link(mtp::format_https_link(*link)) == *link);
  }
  return 0;
}
