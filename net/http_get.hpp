// Fetching a small text over HTTP(S), blocking: for Telegram's configuration and address look-ups.
#pragma once

#include <atomic>
#include <chrono>
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
};

/// Returns the body of a 200 answer, or why there is none, for the operator (never the body).
/// Follows no redirects; honours the usual proxy environment variables. `cancelled` ends it within
/// a second.
[[nodiscard]] tl::expected<std::string, std::string> http_get(const http_request& request,
                                                              const std::atomic<bool>& cancelled);

}  // namespace mtp::net
