#include "config/option_table.hpp"

#include <algorithm>

namespace mtp::config {

std::string_view to_string(change_time when) noexcept {
  switch (when) {
    case change_time::live:
      return "at once";
    case change_time::new_connections:
      return "new connections";
    case change_time::restart:
      return "restart";
  }
  return {};
}

const std::vector<option_group>& option_groups() {
  static const std::vector<option_group> groups{node_options(),     client_options(),
                                                fronting_options(), telegram_options(),
                                                process_options(),  unused_options()};
  return groups;
}

bool is_secret_key(std::string_view key) {
  const auto is_it = [&](const auto& row) { return row.secret && row.key == key; };
  return std::ranges::any_of(port_options(), is_it) ||
         std::ranges::any_of(option_groups(), [&](const option_group& group) {
           return std::ranges::any_of(group.options, is_it);
         });
}

}  // namespace mtp::config
