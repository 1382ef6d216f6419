// The proxy's data about Telegram: middle proxies, their secret, and our address as they see it.
#pragma once

#include <chrono>

#include "codecs/telegram/dc_list.hpp"

namespace mtp::actors {

/// A snapshot; never changed, only replaced.
struct telegram_config {
  /// 32..256 bytes.
  bytes secret;
  /// IPv4 and IPv6 endpoints apart; either may lack a DC that the other has.
  dc_list v4;
  dc_list v6;
  /// Our addresses as Telegram sees them, if they differ from our sockets' addresses.
  std::optional<ip_address> external_v4;
  std::optional<ip_address> external_v6;

  /// The DC that serves a new client of `dc`: `dc` if it is known; for the media of a DC the DC
  /// itself; else the default DC; nothing if that is not known either.
  [[nodiscard]] std::optional<dc_id> resolve(dc_id dc) const;
  /// All endpoints of `dc`, in the order in which to try them.
  [[nodiscard]] std::vector<endpoint> endpoints(dc_id dc, bool prefer_v6) const;
  /// Every DC with an endpoint, ascending.
  [[nodiscard]] std::vector<dc_id> dcs() const;

  friend bool operator==(const telegram_config&, const telegram_config&) = default;
};

/// The configuration that is built in: the lists as of 2026 and the secret that Telegram has used
/// for years. Good enough for a start where core.telegram.org is blocked.
[[nodiscard]] telegram_config built_in_telegram_config();

/// Names a clock that is off by more than `most_clock_skew`, as "45 s ahead of"; else empty.
[[nodiscard]] std::string describe_clock(std::optional<std::chrono::seconds> ahead);

/// Whether `secret` can be a proxy secret: 32..256 bytes, and not the page of a captive portal.
[[nodiscard]] bool is_proxy_secret(byte_view secret) noexcept;

/// The copy of the last good configuration on disk: three files as Telegram serves them.
struct telegram_config_files {
  std::string directory;
  /// Replaces the parts of `into` whose files can be read and are valid. Returns whether both
  /// secret and IPv4 list were replaced.
  [[nodiscard]] bool load(telegram_config& into) const;
  /// Replaces the files, each at once, readable by their owner only. Returns an error for the
  /// operator, or an empty text.
  [[nodiscard]] std::string save(const telegram_config& fetched) const;
};

/// More than that between two clocks and Telegram closes connections, or soon will: at 30 s.
inline constexpr std::chrono::seconds most_clock_skew{20};

}  // namespace mtp::actors
