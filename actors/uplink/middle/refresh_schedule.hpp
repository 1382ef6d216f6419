// When Telegram's configuration is fetched next: by the clock, and sooner while there are signs
// that it is outdated. No clock and no randomness of its own: both are passed in.
#pragma once

#include <chrono>

namespace mtp::actors {

class refresh_schedule {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  /// After the first failure; twice as long after each further one, up to the interval.
  static constexpr std::chrono::seconds first_retry{10};
  /// With signs of trouble, refreshes begin this far apart.
  static constexpr std::chrono::minutes trouble_interval{1};

  /// A refresh begins. An earlier `ask` is done with.
  void begin(time_point now) noexcept;
  /// The refresh has ended. `interval`: between successful refreshes. `jitter`, in [0, 1), makes
  /// the next regular refresh up to a tenth later.
  void end(bool good, std::chrono::seconds interval, double jitter, time_point now) noexcept;

  /// Something has failed that new data might cure: there is one more refresh soon.
  void ask() noexcept { asked_ = true; }
  /// A DC can't be reached: refreshes go on until it can.
  void set_outage(bool lasts) noexcept { outage_ = lasts; }

  /// When the next refresh begins; may be in the past. Requires that none is under way.
  [[nodiscard]] time_point next() const noexcept;

 private:
  time_point begun_;
  time_point regular_;
  unsigned failures_ = 0;
  bool asked_ = false;
  bool outage_ = false;
};

}  // namespace mtp::actors
