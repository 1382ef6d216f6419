// Which node each back of a front turned out to be. Two may lead to one, which gives a front
// one session: each would end the other's.
#pragma once

#include <caf/node_id.hpp>
#include <map>
#include <mutex>
#include <optional>

namespace mtp::actors {

/// Places are those of `known_back`. Any thread may use it.
class reached_backs {
 public:
  /// `place` has reached `node`, unless another place has: then nothing changes, and the result is
  /// that one.
  [[nodiscard]] std::optional<std::size_t> claim(std::size_t place, const caf::node_id& node);
  /// Whether any place has reached it.
  [[nodiscard]] bool has(const caf::node_id& node) const;
  /// Whether that place has reached a node.
  [[nodiscard]] bool is_reached(std::size_t place) const;
  /// `place` has left its back. Does nothing if it has reached none.
  void release(std::size_t place);

 private:
  mutable std::mutex mutex_;
  std::map<std::size_t, caf::node_id> nodes_;
};

}  // namespace mtp::actors
