// An event loop that the test turns, with a clock that only the test moves.
#pragma once

#include "net/loop/event_loop.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

class test_loop final : public net::event_loop {
 public:
  test_loop() : event_loop{&fake_now} {}

  void turn() {
    wait(0ms);
    dispatch();
    flush_dirty();
    while (end_iteration()) {
    }
  }
  void advance(std::chrono::milliseconds by) {
    clock() += by;
    turn();
  }

 private:
  static net::steady_clock::time_point& clock() {
    static auto now = net::steady_clock::now();
    return now;
  }
  static net::steady_clock::time_point fake_now() { return clock(); }
};

}  // namespace mtp::test
