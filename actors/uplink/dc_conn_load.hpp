// How many clients a DC connection has, and the count of a client that is on its way to it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace mtp::actors {

/// Clients on a connection, and on their way to it. Shared, so that pool, clients and connection
/// need not tell each other.
struct dc_conn_load {
  std::atomic<std::size_t> clients = 0;
  /// All clients that it was ever given, also if they were taken back.
  std::atomic<std::uint64_t> given = 0;

  void add_client() noexcept {
    ++clients;
    ++given;
  }
};

/// A client that is counted in a load from before its connection knows of it: the pool does not
/// close a connection that is about to get a client. It is counted off when this ends, whatever
/// becomes of the message that it travels in, unless the connection has taken the client on. Any
/// thread, one at a time.
class counted_client {
 public:
  /// Counts nothing.
  counted_client() = default;
  /// Counts one more client in `load`, which must not be null.
  explicit counted_client(std::shared_ptr<dc_conn_load> load) noexcept : load_{std::move(load)} {
    load_->add_client();
  }
  counted_client(counted_client&& other) noexcept = default;
  /// A copy counts once more: CAF may copy messages, and each copy ends by itself.
  counted_client(const counted_client& other) noexcept : load_{other.load_} {
    if (load_ != nullptr) ++load_->clients;
  }
  /// What it counted before is counted off at once.
  counted_client& operator=(counted_client other) noexcept {
    load_.swap(other.load_);
    return *this;
  }
  ~counted_client() {
    if (load_ != nullptr) --load_->clients;
  }

  /// For the connection: the client is here. From now on it counts off the client itself.
  void keep() noexcept { load_.reset(); }

 private:
  std::shared_ptr<dc_conn_load> load_;
};

}  // namespace mtp::actors
