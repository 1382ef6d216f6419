#include "actors/uplink/middle/refresh_schedule.hpp"

#include <algorithm>

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
    duration retry = first_retry;
    for (unsigned i = 0; i < failures_ && retry < delay; ++i)
      retry *= 2;
    delay = std::min(retry, delay);
    ++failures_;
  }
  regular_ = now + delay + std::chrono::duration_cast<duration>(delay * jitter / 10);
}

refresh_schedule::time_point refresh_schedule::next() const noexcept {
  if (!asked_ && !outage_) return regular_;
  return std::min(regular_, begun_ + trouble_interval);
}

}  // namespace mtp::actors
