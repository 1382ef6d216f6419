// Plain connections that have been let in and have not joined yet: without certificates anybody may
// have made them.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "net/node_link/link_places.hpp"
#include "net/node_link/link_session.hpp"

namespace mtp::net {

/// For one thread; has no clock of its own.
class link_newcomers {
 public:
  using session_ptr = std::shared_ptr<link_session>;
  using time_point = std::chrono::steady_clock::time_point;

  using has_joined_function = std::function<bool(const link_session&)>;

  /// Each has `patience` to join. Connections that have joined are not looked at any more.
  link_newcomers(const link_place_limits& limits, std::chrono::milliseconds patience,
                 has_joined_function has_joined)
      : limits_{limits}, patience_{patience}, has_joined_{std::move(has_joined)}, places_{limits} {}

  /// False if as many connections as there are places have lost theirs and are still open: whatever
  /// closes them can't keep up, and must not get more.
  [[nodiscard]] bool can_take_more();
  /// Returns the connection that loses its place to the new one, or null. The caller cuts it.
  [[nodiscard]] session_ptr add(session_ptr fresh, time_point now);
  /// Connections that lose their places because their time is over. The caller cuts them.
  [[nodiscard]] std::vector<session_ptr> take_overdue(time_point now);
  /// None is left that waits, or leaves.
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  /// Connections that have a place: that have not joined, ended or lost it.
  [[nodiscard]] std::size_t size();

 private:
  struct newcomer : link_places::holder {
    newcomer(session_ptr whose, time_point limit)
        : holder{whose->remote().ip}, session{std::move(whose)}, until{limit} {}

    session_ptr session;
    time_point until;
    bool leaves = false;
  };

  [[nodiscard]] bool is_over(const newcomer& waiting) const;
  void tidy();
  session_ptr take_place(newcomer& from);

  link_place_limits limits_;
  std::chrono::milliseconds patience_;
  has_joined_function has_joined_;
  link_places places_;
  /// Oldest first.
  std::list<newcomer> all_;
};

}  // namespace mtp::net
