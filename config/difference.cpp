#include "config/difference.hpp"

#include <algorithm>

#include "config/option_table.hpp"
#include "config/shown_text.hpp"

namespace mtp::config {

namespace {

const port_settings* find_port(const std::vector<port_settings>& ports, const std::string& name) {
  const auto port = std::ranges::find(ports, name, &port_settings::name);
  return port == ports.end() ? nullptr : &*port;
}

/// Adds what differs in the option of a row to `changes`.
template <class Target>
void compare(const basic_option<Target>& row, const std::string& path, const Target& before,
             const Target& after, std::vector<option_change>& changes) {
  if (!row.value.show) return;
  const auto old_value = row.value.show(before);
  const auto new_value = row.value.show(after);
  if (old_value == new_value) return;
  const auto masked = [&](const std::string& value) {
    return row.secret ? std::string{secret_shown} : without_passwords(value);
  };
  changes.push_back({.path = path,
                     .before = masked(old_value),
                     .after = masked(new_value),
                     .applies = row.applies});
}

void compare_ports(const client_config& before, const client_config& after, change_time applies,
                   std::vector<option_change>& changes) {
  using kind = option_change::kind;
  for (const auto& port : before.ports) {
    const auto path = "ports." + port.name;
    const auto* const same = find_port(after.ports, port.name);
    if (same == nullptr)
      changes.push_back({.path = path,
                         .type = kind::removed_port,
                         .before = listen_text(port),
                         .applies = applies});
    else
      for (const auto& row : port_options())
        compare(row, path + '.' + path_of(row), port, *same, changes);
  }
  for (const auto& port : after.ports)
    if (find_port(before.ports, port.name) == nullptr)
      changes.push_back({.path = "ports." + port.name,
                         .type = kind::added_port,
                         .after = listen_text(port),
                         .applies = applies});
}

}  // namespace

std::vector<option_change> differences(const settings& before, const settings& after) {
  std::vector<option_change> changes;
  for (const auto& group : option_groups())
    for (const auto& row : group.options) {
      if (row.shape == option_shape::ports)
        compare_ports(before.client, after.client, row.applies, changes);
      else
        compare(row, path_of(row), before, after, changes);
    }
  return changes;
}

std::string to_string(const option_change& change) {
  const auto when = " (" + std::string{to_string(change.applies)} + ')';
  switch (change.type) {
    case option_change::kind::changed:
      return change.path + ": " + change.before + " -> " + change.after + when;
    case option_change::kind::added_port:
      return change.path + ": added, " + change.after + when;
    case option_change::kind::removed_port:
      return change.path + ": removed, " + change.before + when;
  }
  return {};
}

}  // namespace mtp::config
