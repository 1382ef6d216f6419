// A stream of TLS records: sizes of pieces (4 bytes), then the stream. Its payload must be the same
// as at once.
#include "codecs/client/tls_records.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

struct outcome {
  mtp::bytes payload;
  bool good = true;
};

outcome read(std::vector<mtp::bytes> pieces) {
  mtp::tls_record_reader reader;
  outcome seen;
  for (auto& piece : pieces) {
    const auto payload = reader.feed(piece);
    if (!payload) {
      seen.good = false;
      return seen;
    }
    FUZZ_REQUIRE(payload->size() <= piece.size());
    mtp::append(seen.payload, *payload);
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto sizes = mtp::fuzz::take_bytes(in, 4);
  const auto whole = read({mtp::to_bytes(in)});
  const auto cut = read(mtp::fuzz::cut(in, sizes));
  FUZZ_REQUIRE(cut.good == whole.good);
  if (whole.good) FUZZ_REQUIRE(cut.payload == whole.payload);

  mtp::bytes records;
  mtp::append_tls_records(in, sizes.empty() || sizes[0] == 0 ? 256 : sizes[0], records);
  const auto again = read(mtp::fuzz::cut(records, sizes));
  FUZZ_REQUIRE(again.good && std::ranges::equal(again.payload, in));
  return 0;
}
