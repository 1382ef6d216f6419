#include "actors/environment.hpp"

namespace mtp::actors {

stream_id environment::next_stream(unsigned reactor) noexcept {
  // The upper 16 bits name the reactor, so that reactors need not agree; only it touches its
  // counter.
  constexpr unsigned counter_bits = 48;
  return (stream_id{reactor} + 1) << counter_bits | ++stream_counters_[reactor];
}

}  // namespace mtp::actors
