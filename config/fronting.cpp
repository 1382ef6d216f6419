#include "config/fronting.hpp"

#include "codecs/base/host_name.hpp"
#include "codecs/base/overloaded.hpp"

namespace mtp::config {

namespace {

constexpr std::string_view wildcard = "*.";

std::optional<fronting_target> parse_named(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = normal_host_name(text.substr(0, colon));
  const auto port = parse_port(text.substr(colon + 1));
  if (!host || !port || *host == "localhost" || host->ends_with(".localhost")) return std::nullopt;
  return fronting_target{.place = named_site{.host = std::move(*host), .port = *port}};
}

}  // namespace

std::optional<std::string> parse_socket_path(std::string_view text) {
  if (!text.starts_with(socket_prefix)) return std::nullopt;
  const auto path = text.substr(socket_prefix.size());
  const bool is_path =
      path.starts_with('/') && path.size() > 1 && path.find('\0') == std::string_view::npos;
  return is_path && path.size() <= max_socket_path ? std::optional{std::string{path}}
                                                   : std::nullopt;
}

std::optional<fronting_target> parse_fronting_target(std::string_view text) {
  if (text.starts_with(socket_prefix)) {
    auto path = parse_socket_path(text);
    return path ? std::optional{fronting_target{.place = site_socket{std::move(*path)}}}
                : std::nullopt;
  }
  const auto at = parse_endpoint(text);
  if (!at) return parse_named(text);
  return at->ip.is_any() ? std::nullopt : std::optional{fronting_target{.place = *at}};
}

std::string to_string(const fronting_target& target) {
  return std::visit(
      overloaded{
          [](const endpoint& at) { return to_string(at); },
          [](const named_site& site) { return site.host + ':' + std::to_string(site.port); },
          [](const site_socket& site) { return std::string{socket_prefix} + site.path; },
      },
      target.place);
}

std::optional<std::string> parse_site_name(std::string_view text) {
  if (!text.starts_with(wildcard)) return normal_host_name(text);
  const auto name = normal_host_name(text.substr(wildcard.size()));
  return name ? std::optional{std::string{wildcard} + *name} : std::nullopt;
}

}  // namespace mtp::config
