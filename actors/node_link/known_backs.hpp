// The backs of a front: the entries of `back_nodes`, and former entries that are being left.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "net/loop/published.hpp"

namespace mtp::actors {

struct known_back {
  /// Identifies the back in this process; no other back ever has the same place.
  std::size_t place = 0;
  /// Empty: the back is inside this process (`through_link_agents`).
  std::optional<config::back_address> address;
  /// It is not in `back_nodes` any more: its session ends once clients have gone elsewhere.
  bool is_leaving = false;
  friend bool operator==(const known_back&, const known_back&) = default;
};

/// For the log and the console: as in the configuration.
[[nodiscard]] std::string to_string(const known_back& back);

/// Any thread may use it.
class known_backs {
 public:
  using list = std::vector<known_back>;

  /// In the order of `back_nodes`; backs that are being left are last.
  [[nodiscard]] std::shared_ptr<const list> get() const { return list_.get(); }
  [[nodiscard]] std::optional<known_back> find(std::size_t place) const;

  /// Takes over the backs of `wanted`. A back that is in it again keeps its place and its session.
  /// Returns the new backs, which need a back_session.
  list follow(const config::settings& wanted);
  /// The session with the back in `place` is to end for good. False, and nothing changes, if it is
  /// in `back_nodes` (again).
  [[nodiscard]] bool forget(std::size_t place);

 private:
  /// Held by writers.
  std::mutex mutex_;
  net::published<list> list_;
  std::size_t next_place_ = 0;
};

}  // namespace mtp::actors
