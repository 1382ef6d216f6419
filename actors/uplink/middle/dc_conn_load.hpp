// How many clients a DC connection has.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mtp::actors {

/// Clients on a connection: the pool, or the client_conn that takes the connection from the board,
/// counts up; the connection counts down when the client is gone. Shared, so that neither needs to
/// tell the other.
struct dc_conn_load {
  std::atomic<std::size_t> clients = 0;
  /// All clients that it was ever given.
  std::atomic<std::uint64_t> given = 0;

  void add_client() noexcept {
    ++clients;
    ++given;
  }
};

}  // namespace mtp::actors
