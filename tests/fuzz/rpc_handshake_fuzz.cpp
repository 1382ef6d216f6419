// The bodies of a middle proxy's first two messages. Bit 0 of the first byte says which is read.
#include "codecs/rpc_handshake.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

namespace rpc = mtp::rpc;

constexpr std::uint32_t now = 1'700'000'000;
constexpr rpc::process_id self{.ip = 1, .port = 2, .pid = 3, .start_time = 4};
const mtp::bytes secret(32, 0x5a);

void read_nonce(mtp::byte_view body) {
  const auto nonce = rpc::decode_nonce(body);
  if (nonce) {
    mtp::bytes again;
    rpc::encode_nonce(*nonce, again);
    FUZZ_REQUIRE(std::ranges::equal(again, body));
  }
  rpc::client_handshake handshake{secret, {}, now, self};
  const auto keys = handshake.on_nonce(body, {}, {}, now);
  if (!keys) return;
  FUZZ_REQUIRE(nonce && nonce->key_selector == 0x5a5a5a5a);
  FUZZ_REQUIRE(handshake.clock_skew() >= -30 && handshake.clock_skew() <= 30);
  FUZZ_REQUIRE(keys->to_dc.key != keys->from_dc.key);
}

void read_handshake(mtp::byte_view body) {
  const auto message = rpc::decode_handshake(body);
  if (message) {
    mtp::bytes again;
    rpc::encode_handshake(*message, again);
    FUZZ_REQUIRE(std::ranges::equal(again, body));
  }
  FUZZ_REQUIRE(!message || rpc::handshake_error_code(body) == 0);
  const auto crc = rpc::client_handshake{secret, {}, now, self}.on_handshake(body);
  FUZZ_REQUIRE(!crc || (message && message->peer == self));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  if ((mtp::fuzz::take_byte(in) & 1) == 0)
    read_nonce(in);
  else
    read_handshake(in);
  return 0;
}
