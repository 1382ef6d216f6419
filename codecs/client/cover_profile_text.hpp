// A cover profile as a file. Lines of words; the format is in doc/wire/fake_tls.md.
#pragma once

#include "codecs/client/cover_profile.hpp"

namespace mtp {

/// More than any profile takes; a longer file needs not be read.
inline constexpr std::size_t max_cover_profile_text = std::size_t{64} * 1024;

/// Ends with a checksum.
[[nodiscard]] std::string to_text(const cover_profile& profile);

/// Takes exactly what `to_text` writes. Error: `bad_cover_profile` for everything else: a part of a
/// file, another version, bytes that differ from those written.
[[nodiscard]] result<cover_profile> parse_cover_profile(std::string_view text);

}  // namespace mtp
