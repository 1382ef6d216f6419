// A header: transport (1 byte), DC (2), secret (16), and 64 bytes that are read as a header, and
// used as the randomness of one.
#include "codecs/client/obfuscated2.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  if (in.size() < 1 + 2 + 16 + 64) return 0;
  const auto kind = static_cast<mtp::framing>(mtp::fuzz::take_byte(in) % 3);
  const auto dc = mtp::load_le<std::int16_t>(mtp::fuzz::take_bytes(in, 2));
  mtp::secret16 secret;
  std::ranges::copy(mtp::fuzz::take_bytes(in, 16), secret.begin());
  const auto header = in.first<mtp::obfuscated2_header_size>();

  const auto as_it_is = mtp::accept_obfuscated2(header, secret);
  FUZZ_REQUIRE(as_it_is || as_it_is.error() == mtp::errc::unknown_protocol);
  static_cast<void>(mtp::is_plain_start(header));

  auto client = mtp::make_obfuscated2(header, secret, kind, dc);
  auto server = mtp::accept_obfuscated2(client.header, secret);
  FUZZ_REQUIRE(server && server->kind == kind && server->dc == dc);
  auto up = mtp::to_bytes(in);
  client.to_server.apply(up);
  server->from_client.apply(up);
  FUZZ_REQUIRE(std::ranges::equal(up, in));
  auto down = mtp::to_bytes(in);
  server->to_client.apply(down);
  client.from_server.apply(down);
  FUZZ_REQUIRE(std::ranges::equal(down, in));
  return 0;
}
