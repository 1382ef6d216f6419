// A TCP relay on loopback that delays bytes: a long way between two nodes, on kernels without
// netem.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "codecs/base/address.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::test {

/// In a thread of its own. What comes in is passed on after `delay`, in order, in either direction;
/// so is an end.
class delay_relay {
 public:
  delay_relay(const endpoint& to, std::chrono::milliseconds delay);
  delay_relay(const delay_relay&) = delete;
  delay_relay& operator=(const delay_relay&) = delete;
  delay_relay(delay_relay&&) = delete;
  delay_relay& operator=(delay_relay&&) = delete;
  ~delay_relay();

  /// Where it listens, on 127.0.0.1.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  void run();

  endpoint to_;
  std::chrono::milliseconds delay_;
  net::unique_fd listening_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace mtp::test
