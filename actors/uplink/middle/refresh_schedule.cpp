#include "actors/uplink/middle/refresh_schedule.hpp"

#include <algorithm>

#include "actors/core/doubled.hpp"

namespace mtp::actors {

void refresh_schedule::begin(time_point now) noexcept {
  begun_ = now;
  asked_ = false;
}

void refresh_schedule::end(bool good, std::chrono::seconds interval, double jitter,
                           time_point now) noexcept {
  duration delay = interval;
  if (good) {
    failures_ = 0;
  } else {
    delay = doubled<duration>(first_retry, failures_++, delay);
  }
  regular_ = now + delay + std::chrono::duration_cast<duration>(delay * jitter / 10);
}

refresh_schedule::time_point refresh_schedule::next() const noexcept {
  if (!asked_ && !outage_) return regular_;
  return std::min(regular_, begun_ + trouble_interval);
}

}  // namespace mtp::actors
