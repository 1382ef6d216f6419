// What can happen in the pool's model.
#pragma once

#include <cstdint>
#include <vector>

namespace mtp::actors {

enum class action : std::uint8_t {
  come,
  leave,
  /// Killed: nobody is told but by what happens to actors that are killed.
  die,
  come_and_leave,
  /// Before a client comes, which may not come, or late.
  reserve,
  let_go,
  come_late,
  become_ready,
  fail,
  rotate,
  /// Closed by Telegram before it served anything.
  close_unserved,
  kill_conn,
  go_silent,
  stop_listening,
  listen,
  pass_time,
};

/// `pick` chooses among those there are, so that any part of a list of steps is a list of steps.
struct step {
  action kind = action::come;
  unsigned pick = 0;
  /// The next step follows before anybody has reacted to this one.
  bool at_once = false;
};

/// A world of its own, whose pool keeps `init` connections: takes the steps there one by one, and
/// asserts (RapidCheck's) after each what must hold, and at the end that nobody is forgotten.
void play(std::size_t init, const std::vector<step>& steps);

}  // namespace mtp::actors
