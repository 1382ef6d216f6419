#include "config/target_value.hpp"

#include <fmt/format.h>

#include "config/option_forms.hpp"
#include "config/toml_reader.hpp"

namespace mtp::config {

std::optional<fronting_target> read_target(toml_reader& in, std::string_view key,
                                           std::string_view wanted) {
  std::optional<fronting_target> target;
  if (!in.find(key)->is_table()) {
    in.parsed(key, target, std::string{wanted}, parse_fronting_target);
    return target;
  }
  in.table(key, [&](toml_reader& table) {
    if (table.has("to"))
      table.parsed("to", target, std::string{wanted_place}, parse_fronting_target);
    else
      table.missing("to", std::string{wanted_place});
    auto version = proxy_version::v1;
    table.choice("proxy_protocol", version, {{"v1", proxy_version::v1}, {"v2", proxy_version::v2}});
    if (target && table.has("proxy_protocol")) target->proxy_protocol = version;
  });
  return target;
}

std::string show_target(const fronting_target& target) {
  auto place = quoted(to_string(target));
  if (!target.proxy_protocol) return place;
  return fmt::format("{{ to = {}, proxy_protocol = \"v{}\" }}", place,
                     static_cast<unsigned>(*target.proxy_protocol));
}

}  // namespace mtp::config
