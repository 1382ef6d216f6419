// A connection for programs that do one thing at a time: ping, console, and tests.
#pragma once

#include <chrono>
#include <string>
#include <tl/expected.hpp>

#include "codecs/base/bytes.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::net {

/// Every operation ends by its deadline. Errors are texts for people.
class blocking_socket {
 public:
  using clock = std::chrono::steady_clock;

  /// `ip` is an address; for names there is net/dial/blocking_dial.
  [[nodiscard]] static tl::expected<blocking_socket, std::string> connect(
      const std::string& ip, std::uint16_t port, clock::time_point deadline);
  /// Takes over a connected socket, which must be non-blocking.
  explicit blocking_socket(unique_fd fd) noexcept : fd_{std::move(fd)} {}

  [[nodiscard]] tl::expected<void, std::string> send(byte_view data, clock::time_point deadline);
  /// At least one byte, at most `into.size()`; 0 means that the peer has finished.
  [[nodiscard]] tl::expected<std::size_t, std::string> receive(byte_span into,
                                                               clock::time_point deadline);
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  [[nodiscard]] tl::expected<void, std::string> wait(short events, clock::time_point deadline);

  unique_fd fd_;
};

}  // namespace mtp::net
