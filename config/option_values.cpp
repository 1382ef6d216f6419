#include "config/option_values.hpp"

namespace mtp::config::detail {

std::string describe(const number_range& range) {
  if (range.most != number_range{}.most)
    return fmt::format("from {} to {}", range.least, range.most);
  if (range.least > 1) return fmt::format("at least {}", range.least);
  return {};
}

}  // namespace mtp::config::detail
