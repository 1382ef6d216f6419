// The addresses by which this machine is reached: dialling them leads back here.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "codecs/base/address.hpp"
#include "net/loop/timer_wheel.hpp"

namespace mtp::net {

/// Any thread may use it.
class own_addresses {
 public:
  /// The kernel is asked again after this long: interfaces come and go.
  static constexpr std::chrono::seconds kept_for{60};

  using list = std::shared_ptr<const std::vector<ip_address>>;

  /// Those of the interfaces, and those that were added.
  [[nodiscard]] list get(steady_clock::time_point now);
  /// An address by which others reach this machine, as behind NAT. The last 16 count.
  void add(const ip_address& known_by);

 private:
  std::mutex mutex_;
  std::vector<ip_address> interfaces_;
  std::vector<ip_address> added_;
  list list_;
  steady_clock::time_point asked_at_;
};

}  // namespace mtp::net
