// Blobs of another node, one after the other: whatever they hold, what is kept of them is bounded
// by what they brought, and a page for each packet that has begun.
#include "codecs/node_link/link_channel.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t session = 5;
  mtp::link_channel channel{session};
  channel.send({.stream = 1, .event = mtp::stream::data{mtp::packet_buffer{mtp::bytes(1000)}}});
  const mtp::link_channel::time_point now{};
  static_cast<void>(channel.next_blob(now));
  mtp::field_reader in{{data, size}};
  std::size_t brought = 0;
  std::size_t parts = 0;
  while (in.ok() && !in.at_end()) {
    const auto length = in.le<std::uint16_t>();
    mtp::bytes blob;
    mtp::begin_stream_blob({.session = session, .taken = in.le<std::uint16_t>()}, blob);
    const auto frames = in.take(length);
    mtp::append(blob, frames);
    brought += frames.size();
    std::size_t whole = 0;
    const auto taken = channel.take(
        blob, now,
        [&](mtp::stream_id stream, const mtp::stream_part&) {
          ++parts;
          return stream % 2 == 1;
        },
        [&](mtp::stream_frame&& frame) {
          if (const auto* const packet = std::get_if<mtp::stream::data>(&frame.event))
            whole += packet->packet.size();
          if (std::holds_alternative<mtp::stream::close>(frame.event))
            channel.drop_incoming(frame.stream);
          return true;
        });
    FUZZ_REQUIRE(whole <= brought);
    FUZZ_REQUIRE(channel.held() <= brought + parts * 4096);
    if (!taken) return 0;
  }
  return 0;
}
