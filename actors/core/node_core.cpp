#include "actors/core/node_core.hpp"

#include "net/loop/entropy.hpp"

namespace mtp::actors {

void node_core::open(std::size_t memory_budget) {
  holders.resize(reactors.size());
  memory.open(reactors.size(), memory_budget);
  for (const auto& reactor : reactors) {
    configs_.emplace_back(config, *reactor);
    resolvers_.emplace_back(*reactor);
  }
  node_id = load_le<std::uint64_t>(net::random_array<sizeof node_id>());
}

stream_id node_core::next_stream(unsigned reactor) noexcept {
  // The upper 16 bits name the reactor, so that reactors need not agree; only it touches its
  // counter.
  constexpr unsigned counter_bits = 48;
  return (stream_id{reactor} + 1) << counter_bits | ++stream_counters_[reactor];
}

}  // namespace mtp::actors
