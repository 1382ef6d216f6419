// A site that sends or takes as many bytes as it is asked to, and its visitors.
#pragma once

#include <cstdint>
#include <thread>

#include "net/loop/bound_port.hpp"

namespace mtp::bench {

/// On loopback, with a thread that accepts, and one per connection.
class bulk_site {
 public:
  bulk_site();

  [[nodiscard]] const endpoint& where() const noexcept { return listening_.where(); }

 private:
  void accept_all(const std::stop_token& stop) const;

  net::bound_port listening_;
  std::jthread thread_;
};

enum class bulk_way : std::uint8_t { down, up };

/// Visits the site, directly or by what listens at `port`, with so many connections at once, and
/// carries `size` bytes over each. Throws std::runtime_error.
void carry_bulk(bulk_way way, std::uint16_t port, unsigned connections, std::size_t size);

}  // namespace mtp::bench
