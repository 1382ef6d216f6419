// The stream of a client that speaks abridged: frames are read until one is incomplete or refused.
#include "codecs/client/abridged.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  while (true) {
    const auto frame = mtp::abridged::decode(in, mtp::max_client_packet);
    if (!frame || !*frame) break;
    FUZZ_REQUIRE((*frame)->consumed > 0 && (*frame)->consumed <= in.size());
    FUZZ_REQUIRE((*frame)->packet.size() % 4 == 0);
    // What was read is written back as it was, unless the client used the long form needlessly.
    mtp::bytes again;
    mtp::abridged::encode((*frame)->packet, (*frame)->quick_ack, again);
    FUZZ_REQUIRE(again.size() <= (*frame)->consumed);
    in = in.subspan((*frame)->consumed);
  }
  return 0;
}
