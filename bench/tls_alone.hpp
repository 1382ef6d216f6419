// What TLS takes by itself: no link between two nodes can cost less.
#pragma once

#include <cstddef>
#include <filesystem>

namespace mtp::bench {

/// CPU of each end for 10^9 bytes, seconds.
struct tls_cost {
  double send = 0;
  double receive = 0;
};

/// Carries `size` bytes over loopback TCP by net::tls_channel, with 64 KiB per call and a thread
/// per end; nothing is done with them. Certificates go into `directory`. Throws std::runtime_error.
[[nodiscard]] tls_cost measure_tls(std::size_t size, const std::filesystem::path& directory);

}  // namespace mtp::bench
