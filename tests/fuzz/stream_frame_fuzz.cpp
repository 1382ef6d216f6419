// A blob of stream frames from another node. What is read is written back byte for byte.
#include "codecs/base/overloaded.hpp"
#include "codecs/node_link/stream_frame.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view in{data, size};
  mtp::stream_blob_reader reader{in};
  mtp::bytes again;
  mtp::begin_stream_blob(reader.header(), again);
  while (true) {
    auto next = reader.next();
    if (!next) return 0;
    if (!*next) break;
    auto& item = **next;
    const auto stream = item.stream;
    std::visit(mtp::overloaded{[&](mtp::stream::event& event) {
                                 mtp::encode_stream_frame({stream, std::move(event)}, again);
                               },
                               [&](const mtp::stream_part& part) {
                                 mtp::encode_stream_part(stream, part, again);
                               }},
               item.content);
  }
  FUZZ_REQUIRE(std::ranges::equal(again, in));
  return 0;
}
