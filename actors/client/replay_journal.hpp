// Handshakes survive a restart: they are appended to a file in `state_dir`, which is written anew
// from memory when it has grown too long, and after a failure. doc/adr/0019-replay-memory.md.
#pragma once

#include <atomic>
#include <caf/actor_clock.hpp>
#include <optional>
#include <string>

#include "actors/client/replay_cache.hpp"
#include "actors/client/replay_file.hpp"
#include "actors/client/replay_queue.hpp"
#include "actors/core/limited_log.hpp"
#include "actors/core/metrics.hpp"
#include "config/settings.hpp"

namespace mtp::actors {

/// Used by one thread at a time, but for `size`. It waits for the disk: not for reactors.
class replay_journal {
 public:
  using time_point = caf::actor_clock::time_point;

  /// `directory` is the `state_dir`; without one nothing is ever written. `cache` and `queue`
  /// outlive it: a handshake is put into the cache first, and then into the queue.
  replay_journal(const std::string& directory, replay_cache& cache, replay_queue& queue,
                 metrics& count_in);

  /// Fills the cache with what an earlier run left, if `settings` want it. At the start, before the
  /// first client comes. A file that can't be used is told of in the log.
  void load(const config::client_config& settings, replay_cache::unix_seconds now);
  /// Writes what has come; call it twice a second. Failures are told of in the log, a line a minute
  /// at most, and tried again after 1 s, doubling up to a minute. Once the option is off, the file
  /// is removed.
  void write(const config::client_config& settings, time_point now);
  /// Writes what has come, at the end.
  void finish(time_point now);

  /// Bytes of the file; 0 if there is none. Any thread.
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  class backoff {
   public:
    [[nodiscard]] bool is_over(time_point now) const noexcept { return now >= again_; }
    void begin(time_point now) noexcept;
    void reset() noexcept { *this = {}; }

   private:
    time_point again_;
    std::chrono::seconds delay_{1};
  };

  [[nodiscard]] bool is_wanted(const config::client_config& settings) const noexcept;
  void remove();
  void write_batch(time_point now);
  [[nodiscard]] bool append(std::span<const replay_record> records, time_point now);
  [[nodiscard]] bool needs_rewrite() const;
  void rewrite(time_point now);
  [[nodiscard]] std::string try_rewrite(time_point now);
  [[nodiscard]] std::string copy_cache(replay_file& into, time_point now);
  void fail(const std::string& why, backoff& wait, time_point now);

  std::string directory_;
  std::string path_;
  replay_cache* cache_;
  replay_queue* queue_;

  std::optional<replay_file> file_;
  /// The file, or with it what waits in the queue, has all that the cache has.
  bool is_complete_ = false;
  /// Nothing is appended beyond this many records.
  std::size_t most_records_ = 0;
  bool is_removed_ = false;
  backoff append_wait_;
  backoff rewrite_wait_;
  limited_log warnings_{1};
  bool is_failing_ = false;

  counter written_;
  counter dropped_;
  counter failed_;
  std::atomic<std::size_t> size_ = 0;
};

}  // namespace mtp::actors
