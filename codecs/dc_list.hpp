// The text of core.telegram.org/getProxyConfig and getProxyConfigV6: which middle proxies serve
// which data center. Facts: doc/wire/rpc.md.
#pragma once

#include <map>
#include <vector>

#include "codecs/address.hpp"
#include "codecs/error.hpp"

namespace mtp {

/// A data center as clients and config name it: media is negative, CDN is 203, tests 10000 and
/// more.
using dc_id = std::int16_t;

struct dc_list {
  /// Where clients of an unknown DC go; absent if the text has no `default` line.
  std::optional<dc_id> default_dc;
  /// Never an empty vector; endpoints in the order of the text, without repeats.
  std::map<dc_id, std::vector<endpoint>> endpoints;

  friend bool operator==(const dc_list&, const dc_list&) = default;
};

/// Bounds on what is believed.
inline constexpr std::size_t max_dc_list_text = std::size_t{1024} * 1024;
inline constexpr std::size_t max_dcs = 256;
inline constexpr std::size_t max_endpoints_per_dc = 256;

/// Reads `default N;` and `proxy_for N ip:port;` lines; others (comments, options) are skipped.
/// Error: `bad_dc_list` for a line of the two kinds that is broken, for no endpoint at all, or over
/// bounds: then the last good list is to be kept.
[[nodiscard]] result<dc_list> parse_dc_list(std::string_view text);

/// The inverse, for the copy on disk and the stand-in for Telegram.
[[nodiscard]] std::string format_dc_list(const dc_list& list);

}  // namespace mtp
