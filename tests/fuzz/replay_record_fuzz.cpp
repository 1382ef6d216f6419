// A file of handshakes. What is read is written and read again; a record that is damaged costs only
// itself, and what is cut off costs no more than the record that it is cut in.
#include "codecs/client/replay_record.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

std::vector<mtp::replay_record> read(mtp::byte_view records) {
  std::vector<mtp::replay_record> all;
  const auto good =
      mtp::decode_replay_records(records, [&](const auto& record) { all.push_back(record); });
  FUZZ_REQUIRE(good == all.size());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view file{data, size};
  if (mtp::read_replay_header(file) != mtp::replay_header::good) return 0;
  const auto header = mtp::encode_replay_header();
  FUZZ_REQUIRE(std::ranges::equal(header, file.first(mtp::replay_header_size)));
  const auto records = file.subspan(mtp::replay_header_size);
  const auto all = read(records);
  FUZZ_REQUIRE(all.size() <= records.size() / mtp::replay_record_size);
  mtp::bytes again;
  for (const auto& record : all)
    mtp::encode_replay_record(record, again);
  FUZZ_REQUIRE(again.size() == all.size() * mtp::replay_record_size);
  FUZZ_REQUIRE(read(again) == all);
  const auto shorter = read(records.first(records.size() / 2));
  FUZZ_REQUIRE(shorter.size() <= all.size());
  FUZZ_REQUIRE(std::equal(shorter.begin(), shorter.end(), all.begin()));
  return 0;
}
