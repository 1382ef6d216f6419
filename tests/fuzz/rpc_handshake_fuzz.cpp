// The bodies of a middle proxy's first two messages, and the keys that follow from the first. Of
// the first byte, bit 0 says which is read, bit 1 whether 36 bytes of endpoints are in front of it.
#include "codecs/telegram/rpc_handshake.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

namespace rpc = mtp::rpc;

constexpr std::uint32_t now = 1'700'000'000;
constexpr rpc::process_id self{.ip = 1, .port = 2, .pid = 3, .start_time = 4};
const mtp::bytes secret(32, 0x5a);

mtp::endpoint take_endpoint(mtp::byte_view& in) {
  std::array<std::uint8_t, 16> ip{};
  std::ranges::copy(mtp::fuzz::take_bytes(in, ip.size()), ip.begin());
  const auto high = mtp::fuzz::take_byte(in);
  return {.ip = mtp::ip_address::v6(ip),
          .port = static_cast<std::uint16_t>(high << 8 | mtp::fuzz::take_byte(in))};
}

void read_nonce(mtp::byte_view body, bool any_endpoints) {
  mtp::endpoint dc;
  mtp::endpoint ours;
  if (any_endpoints) {
    dc = take_endpoint(body);
    ours = take_endpoint(body);
    // They are ends of one connection.
    if (dc.ip.is_v4() != ours.ip.is_v4()) ours.ip = dc.ip;
  }
  const auto nonce = rpc::decode_nonce(body);
  if (nonce) {
    mtp::bytes again;
    rpc::encode_nonce(*nonce, again);
    FUZZ_REQUIRE(std::ranges::equal(again, body));
  }
  rpc::proxy_handshake handshake{secret, {}, now, self};
  const auto keys = handshake.on_nonce(body, dc, ours, now);
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
  const auto crc = rpc::proxy_handshake{secret, {}, now, self}.on_handshake(body);
  FUZZ_REQUIRE(!crc || (message && message->peer == self));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto kind = mtp::fuzz::take_byte(in);
  if ((kind & 1) == 0)
    read_nonce(in, (kind & 2) != 0);
  else
    read_handshake(in);
  return 0;
}
