// The text of core.telegram.org/getProxyConfig and getProxyConfigV6: which middle proxies serve
// which data center. Facts: doc/wire/rpc.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codecs/base/address.hpp"
#include "codecs/base/dc_id.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

struct dc_list {
  /// Where clients of an unknown DC go; absent if the text has no `default` line.
  std::optional<dc_id> default_dc;
  /// Never an empty vector; endpoints in the order of the text, without repeats.
  std::map<dc_id, std::vector<endpoint>> endpoints;

  friend bool operator==(const dc_list&, const dc_list&) = default;
};

/// Bounds; a text beyond them is not believed.
inline constexpr std::size_t max_dc_list_text = std::size_t{1024} * 1024;
inline constexpr std::size_t max_dcs = 256;
inline constexpr std::size_t max_endpoints_per_dc = 256;

/// A `default` or `proxy_for` line that can't be read, or is beyond the bounds.
struct broken_line {
  /// From 1.
  std::size_t number = 0;
  /// Printable ASCII, cut after `max_broken_line_text` bytes.
  std::string text;

  friend bool operator==(const broken_line&, const broken_line&) = default;
};

/// Bounds on the report of broken lines.
inline constexpr std::size_t max_broken_lines = 5;
inline constexpr std::size_t max_broken_line_text = 80;

struct dc_list_reading {
  dc_list list;
  /// Lines that were left out: the first `max_broken_lines`, and how many in all.
  std::vector<broken_line> broken;
  std::size_t broken_count = 0;
};

/// Reads `default N;` and `proxy_for N ip:port;` lines; others (comments, options) are skipped.
/// Broken lines are left out. Error: `bad_dc_list` if they are not outnumbered by good ones, for no
/// endpoint at all, or a text over `max_dc_list_text`: then the last good list is to be kept.
[[nodiscard]] result<dc_list_reading> parse_dc_list(std::string_view text);

/// The broken lines, for the log: `line 3 "proxy_for 1 a:80;", line 7 "default x;" and 2 more`.
[[nodiscard]] std::string describe_broken_lines(const dc_list_reading& reading);

/// The inverse, for the copy on disk and the stand-in for Telegram.
[[nodiscard]] std::string format_dc_list(const dc_list& list);

}  // namespace mtp
