// Chooses the endpoint of a DC to try next, and when: endpoints that fail wait longer and longer.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "codecs/base/address.hpp"

namespace mtp::actors {

/// An endpoint that could be tried.
struct endpoint_candidate {
  endpoint at;
  /// 0 for the preferred address family; others are tried when all of rank 0 fail or take long.
  unsigned rank = 0;
  /// Connections to it that are on their way, and that are up.
  std::size_t pending = 0;
  std::size_t open = 0;
  /// The pending connections that should have been up by now.
  std::size_t overdue = 0;
};

/// No clock and no randomness of its own: both are passed in.
class endpoint_backoff {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  /// After the first failure an endpoint rests this long; twice as long after each further one.
  static constexpr std::chrono::seconds first_rest{1};
  static constexpr std::chrono::seconds longest_rest{30};
  /// A failure this long after the rest it caused counts as a first one again.
  static constexpr std::chrono::seconds forget_after{60};

  /// A number in [0, 1).
  using random = std::function<double()>;
  explicit endpoint_backoff(random jitter) : jitter_{std::move(jitter)} {}

  /// The endpoint to try now; nothing if all that may be tried rest. Healthy endpoints come first,
  /// by rank and then by the number of their connections; then endpoints with the fewest failures,
  /// one connection at a time. An endpoint with an overdue connection gets no second one, and the
  /// other address family comes first (RFC 8305).
  [[nodiscard]] std::optional<endpoint> choose(const std::vector<endpoint_candidate>& candidates,
                                               time_point now);
  void succeeded(const endpoint& at);
  /// Forgets all failures, which may have had a reason that is gone.
  void forget() noexcept { records_.clear(); }
  /// Returns when it may be tried again: at least `first_rest` from now, plus up to half as much
  /// jitter.
  time_point failed(const endpoint& at, time_point now);
  /// A connection to it ended early while others go on: as long as they do, the next attempt waits
  /// for `first_rest`. It still counts as healthy.
  void rest(const endpoint& at, time_point now);
  /// When the first of `candidates` may be tried; `now` if one may already, or if all are being
  /// tried.
  [[nodiscard]] time_point next_chance(const std::vector<endpoint_candidate>& candidates,
                                       time_point now) const;

 private:
  struct record {
    unsigned failures = 0;
    time_point rests_until;
    [[nodiscard]] bool rests(const endpoint_candidate& candidate, time_point now) const {
      return rests_until > now && (failures > 0 || candidate.open > 0);
    }
  };
  random jitter_;
  std::map<endpoint, record> records_;
};

}  // namespace mtp::actors
