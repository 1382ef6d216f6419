// Notices connections between nodes from which nothing comes any more: the network has failed, or
// the other node hangs. Nodes say something every second (CAF's heartbeats).
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "net/loop/timer_wheel.hpp"
#include "net/node_link/link_session.hpp"

namespace mtp::net {

/// Not for several threads at once.
class link_silence {
 public:
  using time_point = steady_clock::time_point;

  /// How often `look` should be called.
  static constexpr std::chrono::seconds interval{1};

  /// Watches `session` until it has ended.
  void watch(const std::shared_ptr<link_session>& session);
  /// Cuts sessions that have been silent for `limit`. Time counts for two intervals at most since
  /// the look before: if this process was held up, what came meanwhile has not been read yet.
  void look(time_point now, std::chrono::seconds limit);

 private:
  struct watched {
    std::weak_ptr<link_session> session;
    std::uint64_t received = 0;
    steady_clock::duration silent{0};
  };

  std::vector<watched> sessions_;
  time_point last_look_;
};

}  // namespace mtp::net
