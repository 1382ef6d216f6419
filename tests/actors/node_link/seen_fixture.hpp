// Handshakes that fronts have seen, as tests of both ends of the link need them.
#pragma once

#include <ctime>

#include "codecs/node_link/seen_batch.hpp"
#include "tests/actors/node_link/link_fixture.hpp"

namespace mtp::actors {

using handshakes = std::vector<replay_record>;
using numbers = std::vector<std::uint32_t>;

/// Used just now.
inline replay_record handshake(std::uint32_t number) {
  replay_record record{.used = std::time(nullptr)};
  store_le(byte_span{record.fingerprint}, number);
  return record;
}

inline handshakes many(std::uint32_t first, std::size_t count) {
  handshakes all;
  for (std::uint32_t i = 0; i < count; ++i)
    all.push_back(handshake(first + i));
  return all;
}

inline std::string encoded(const handshakes& seen) {
  return std::string{as_text(encode_seen_batch(seen, std::time(nullptr)))};
}

/// The numbers in a batch.
inline numbers numbers_in(const std::string& batch) {
  numbers found;
  const auto read = decode_seen_batch(as_bytes(batch), std::time(nullptr));
  REQUIRE(read);
  for (const auto& record : read->records)
    found.push_back(load_le<std::uint32_t>(record.fingerprint));
  return found;
}

inline double count_of(const metrics& all, const std::string& name) {
  for (const auto& family : all.read_counts())
    if (family.name == "mtproto_proxy_replay_shared_" + name + "_total")
      return family.samples.at(0).value;
  return -1;
}

}  // namespace mtp::actors
