#include "net/loop/log_limiter.hpp"

#include <utility>

namespace mtp::net {

std::optional<std::size_t> log_limiter::admit(time_point now) {
  if (!begin_ || now - *begin_ >= interval_) {
    begin_ = now;
    lines_ = 0;
  }
  if (lines_ == burst_) {
    ++left_out_;
    return std::nullopt;
  }
  ++lines_;
  return std::exchange(left_out_, 0);
}

std::size_t log_limiter::take_left_out(time_point now) {
  if (left_out_ == 0) return 0;
  begin_ = now;
  lines_ = 1;
  return std::exchange(left_out_, 0);
}

void log_limiter::reset() {
  begin_.reset();
  lines_ = left_out_ = 0;
}

std::string describe_left_out(std::size_t lines, bool with_others) {
  if (lines == 0) return {};
  return " (" + std::to_string(lines) + " more since the last line" +
         (with_others ? ", others among them)" : ")");
}

}  // namespace mtp::net
