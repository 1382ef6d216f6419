// How many clients a DC connection has.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mtp::actors {

/// Clients on a connection: the pool and handlers count one up when they give it a client, the
/// connection counts down when the client is gone. Shared, so that neither needs to tell the other.
struct dc_conn_load {
  std::atomic<std::size_t> clients = 0;
  /// All it was ever given.
  std::atomic<std::uint64_t> given = 0;

  void add_client() noexcept {
    ++clients;
    ++given;
  }
};

}  // namespace mtp::actors
