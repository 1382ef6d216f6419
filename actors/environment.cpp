#include "actors/environment.hpp"

#include "actors/client/replay_sweeper.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::actors {

void environment::open(std::size_t memory_budget) {
  const auto count = reactors.size();
  clients.resize(count);
  holders.resize(count);
  conns.open(count);
  memory.open(count, memory_budget);
  auto& replay_memory = settings.replay_cache.max_memory_mb;
  replay_memory = replay_memory_mb(replay_memory, memory_budget);
  node_id = load_le<std::uint64_t>(net::random_array<sizeof node_id>());
}

std::string environment::own_name() const {
  return link_credentials != nullptr ? link_credentials->current()->name() : settings.node_name;
}

stream_id environment::next_stream(unsigned reactor) noexcept {
  // The upper 16 bits name the reactor, so that reactors need not agree; only it touches its
  // counter.
  constexpr unsigned counter_bits = 48;
  return (stream_id{reactor} + 1) << counter_bits | ++stream_counters_[reactor];
}

}  // namespace mtp::actors
