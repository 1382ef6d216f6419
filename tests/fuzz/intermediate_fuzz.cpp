// The streams of a client that speaks intermediate or padded (bit 0 of the first byte), as the
// server and as the client reads them.
#include "codecs/client/intermediate.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

using mtp::intermediate::tail;

void read_as_server(tail kind, mtp::byte_view in) {
  while (true) {
    const auto frame = mtp::intermediate::decode(kind, in, mtp::max_client_packet);
    if (!frame || !*frame) break;
    const auto [packet, consumed, quick_ack] = **frame;
    FUZZ_REQUIRE(consumed >= 4 && consumed <= in.size());
    FUZZ_REQUIRE(packet.size() % 4 == 0);
    const auto rest = in.first(consumed).subspan(4 + packet.size());
    FUZZ_REQUIRE(rest.size() <= (kind == tail::random ? 3 : 0));
    mtp::bytes again;
    mtp::intermediate::encode(packet, rest, quick_ack, again);
    FUZZ_REQUIRE(std::ranges::equal(again, in.first(consumed)));
    in = in.subspan(consumed);
  }
}

void read_as_client(tail kind, mtp::byte_view in) {
  while (true) {
    const auto frame = mtp::intermediate::decode_server(kind, in, mtp::max_client_packet);
    if (!frame || !*frame) break;
    FUZZ_REQUIRE((*frame)->consumed >= 4 && (*frame)->consumed <= in.size());
    FUZZ_REQUIRE(!(*frame)->confirm || ((*frame)->consumed == 4 && (*frame)->packet.empty()));
    in = in.subspan((*frame)->consumed);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto kind = (mtp::fuzz::take_byte(in) & 1) != 0 ? tail::random : tail::forbidden;
  read_as_server(kind, in);
  read_as_client(kind, in);
  return 0;
}
