// What fuzz targets share.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "codecs/base/bytes.hpp"

/// Ends the run as a finding if `condition` does not hold, also in builds without assertions.
#define FUZZ_REQUIRE(condition) \
  do {                          \
    if (!(condition)) abort();  \
  } while (false)

namespace mtp::fuzz {

/// Takes the first byte off `in`; 0 if there is none.
inline std::uint8_t take_byte(byte_view& in) {
  if (in.empty()) return 0;
  const auto byte = in[0];
  in = in.subspan(1);
  return byte;
}

/// Takes the first `size` bytes off `in`, or what there is.
inline byte_view take_bytes(byte_view& in, std::size_t size) {
  const auto taken = in.first(std::min(size, in.size()));
  in = in.subspan(taken.size());
  return taken;
}

/// Cuts `stream` in pieces as a network would: their sizes are those of `sizes` in turn, 0 meaning
/// 256.
inline std::vector<bytes> cut(byte_view stream, byte_view sizes) {
  std::vector<bytes> pieces;
  while (!stream.empty()) {
    const std::size_t size = sizes.empty() ? 0 : sizes[pieces.size() % sizes.size()];
    pieces.push_back(to_bytes(take_bytes(stream, size == 0 ? 256 : size)));
  }
  return pieces;
}

}  // namespace mtp::fuzz
