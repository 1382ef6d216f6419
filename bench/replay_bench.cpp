// What the check of a handshake for a replay takes, fingerprint included, when the table is full.
#include <benchmark/benchmark.h>

#include <atomic>

#include "actors/client/replay_cache.hpp"
#include "actors/core/shared_replays.hpp"

namespace {

using namespace mtp;

constexpr secret16 secret{7, 8, 9};
/// `replay_check_session_storage_opts.max_items`, unless it is set.
constexpr std::uint64_t usual_items = 4'000'000;

replay_record handshake(std::uint64_t number) {
  std::array<std::uint8_t, 48> key{};
  store_le(key, number);
  return {.fingerprint = fingerprint_of(secret, key), .used = 1'800'000'000};
}

/// With the handshakes below `usual_items`, for all threads.
actors::replay_cache& full_cache() {
  static actors::replay_cache cache;
  static const bool is_full [[maybe_unused]] = [] {
    for (std::uint64_t i = 0; i < usual_items; ++i)
      cache.add(handshake(i));
    return true;
  }();
  return cache;
}

/// The part of a check that does not depend on the table.
void replay_digest(benchmark::State& state) {
  std::uint64_t next = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(handshake(++next));
}

void replay_check(benchmark::State& state) {
  auto& cache = full_cache();
  // No two in a row are neighbours.
  constexpr std::uint64_t stride = 2'654'435'761;
  auto next = static_cast<std::uint64_t>(state.thread_index());
  for (auto _ : state) {
    next = (next + stride) % usual_items;
    benchmark::DoNotOptimize(cache.add(handshake(next)));
  }
  state.counters["bytes_per_item"] =
      benchmark::Counter(static_cast<double>(cache.memory()) / static_cast<double>(cache.size()),
                         benchmark::Counter::kAvgThreads);
}

/// A new handshake, among as many: the oldest have not been evicted yet.
void replay_check_new(benchmark::State& state) {
  auto& cache = full_cache();
  static std::atomic<std::uint64_t> number = usual_items;
  for (auto _ : state)
    benchmark::DoNotOptimize(cache.add(handshake(number.fetch_add(1, std::memory_order_relaxed))));
}

/// A front that other fronts tell of handshakes: half as many as it remembers itself.
actors::shared_replays& full_shared() {
  static actors::metrics counted;
  static actors::shared_replays shared{counted};
  static const bool is_full [[maybe_unused]] = [] {
    constexpr std::uint64_t fronts = 8;
    config::client_config settings;
    settings.replay_share = true;
    settings.replay_cache.max_items = usual_items;
    settings.replay_cache.max_memory_mb = 512;
    shared.follow(settings);
    for (std::uint64_t front = 0; front < fronts; ++front)
      static_cast<void>(shared.add(std::to_string(front), {}));
    for (std::uint64_t i = 0; i < usual_items / 2; ++i)
      static_cast<void>(shared.add(std::to_string(i % fronts), std::array{handshake(i)}));
    return true;
  }();
  return shared;
}

/// What a new handshake takes more with replay_share.
void replay_check_shared(benchmark::State& state) {
  auto& shared = full_shared();
  constexpr std::uint64_t stride = 2'654'435'761;
  std::uint64_t next = usual_items;
  for (auto _ : state)
    benchmark::DoNotOptimize(shared.is_replay(handshake(next += stride)));
}

}  // namespace

BENCHMARK(replay_digest);
BENCHMARK(replay_check_shared);
BENCHMARK(replay_check)->ThreadRange(1, 2);
BENCHMARK(replay_check_new)->Iterations(400'000);
