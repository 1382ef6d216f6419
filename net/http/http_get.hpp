// Fetching a small text over HTTP(S), blocking: for Telegram's configuration and address look-ups.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace mtp::net {

/// Which addresses of the host are tried.
enum class http_family : std::uint8_t { any, v4 };

struct http_request {
  std::string url;
  /// For the whole transfer, name look-up included.
  std::chrono::milliseconds timeout{3000};
  /// A longer body is an error, found before it is stored.
  std::size_t max_size = std::size_t{1024} * 1024;
  http_family family = http_family::any;
  /// Honour the usual environment variables that name a proxy for HTTP.
  bool through_proxy = true;
};

struct http_response {
  std::string body;
  /// The server's time, Unix seconds.
  std::optional<std::int64_t> date;
};

/// Returns a 200 answer, or why there is none, for the operator (never the body). Follows no
/// redirects. `cancelled` ends it within a second.
[[nodiscard]] tl::expected<http_response, std::string> http_get(const http_request& request,
                                                                const std::atomic<bool>& cancelled);

}  // namespace mtp::net
