// The nodes that a front's backs turned out to be. Two backs may lead to the same node. A node
// gives a front one session only: two back_sessions would keep ending each other's.
#pragma once

#include <caf/node_id.hpp>
#include <map>
#include <mutex>
#include <optional>

namespace mtp::actors {

/// Places are those of `known_back`. Any thread may use it.
class reached_backs {
 public:
  /// Notes that `place` has reached `node`. If another place has reached it already, nothing
  /// changes, and the result is that place.
  [[nodiscard]] std::optional<std::size_t> claim(std::size_t place, const caf::node_id& node);
  /// Whether any place has reached `node`.
  [[nodiscard]] bool has(const caf::node_id& node) const;
  /// Whether `place` has reached a node.
  [[nodiscard]] bool is_reached(std::size_t place) const;
  /// `place` has left its back. Does nothing if it has reached none.
  void release(std::size_t place);

 private:
  mutable std::mutex mutex_;
  std::map<std::size_t, caf::node_id> nodes_;
};

}  // namespace mtp::actors
