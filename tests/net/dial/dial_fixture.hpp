// A loop that the test turns, a resolver on it, and a name server of the test's own.
#pragma once

#include <doctest/doctest.h>

#include "net/dial/dialing.hpp"
#include "tests/support/fake_dns.hpp"
#include "tests/support/test_loop.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

struct dial_fixture {
  /// Turns loop and name server until it holds; false after a while. Without `ticking`, no time
  /// passes for the loop; c-ares has its own clock.
  template <class Predicate>
  [[nodiscard]] bool soon(Predicate&& holds, std::chrono::milliseconds tick = 0ms) {
    return eventually(
        [&] {
          dns.serve();
          loop.advance(tick);
          return holds();
        },
        10s);
  }
  void turn(int times = 4) {
    for (int i = 0; i < times; ++i) {
      dns.serve();
      loop.turn();
    }
  }

  fake_dns dns;
  test_loop loop;
  net::resolver names{loop,
                      {.query = {.limit = 5s,
                                 .try_limit = 50ms,
                                 .resolv_conf = dns.resolv_conf(),
                                 .server_port = dns.port()},
                       .most_in_flight = 3,
                       .most_kept = 8}};
};

}  // namespace mtp::test
