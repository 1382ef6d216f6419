#include "actors/client/fronting_rules.hpp"

#include <algorithm>

#include "codecs/base/host_name.hpp"

namespace mtp::actors {

namespace {

using config::fronting_mode;
using config::fronting_settings;
using config::fronting_target;

constexpr std::uint16_t https_port = 443;

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// The domain of ours that was cut to `sni`.
std::optional<std::string> whole_domain(std::string_view sni,
                                        const std::vector<std::string>& domains) {
  if (sni.size() != cut_sni_size) return std::nullopt;
  const auto start = lower_case(sni);
  const auto domain = std::ranges::find_if(
      domains, [&](const std::string& name) { return name.starts_with(start); });
  return domain != domains.end() ? std::optional{*domain} : std::nullopt;
}

/// The name that was asked for, in its normal form; nothing if it is none.
std::optional<std::string> asked_name(std::string_view sni,
                                      const std::vector<std::string>& domains) {
  auto name = normal_host_name(sni);
  if (name && has_name(domains, *name)) return name;
  // Where it was cut, it may be no name by itself.
  if (auto whole = whole_domain(sni, domains)) return whole;
  return name;
}

const fronting_target* listed_site(std::string_view name, const fronting_settings& fronting) {
  const auto& sites = fronting.sites;
  if (const auto site = sites.find(name); site != sites.end()) return &site->second;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1))
    if (const auto site = sites.find('*' + std::string{name.substr(dot)}); site != sites.end())
      return &site->second;
  return nullptr;
}

bool may_dial(std::string_view name, const fronting_settings& fronting,
              const std::vector<std::string>& domains) {
  return fronting.mode == fronting_mode::sni &&
         (fronting.open || has_name(domains, name) || has_name(fronting.names, name));
}

}  // namespace

std::optional<fronting_target> fronting_target_of(std::string_view sni, bool is_tls,
                                                  const config::client_config& all,
                                                  const config::port_settings& port) {
  if (port.relay_to) return port.relay_to;
  const auto& fronting = all.fronting;
  if (fronting.mode == fronting_mode::off) return std::nullopt;
  const auto& domains = all.domains_of(port);
  if (const auto name = is_tls ? asked_name(sni, domains) : std::nullopt) {
    if (const auto* const site = listed_site(*name, fronting)) return *site;
    if (may_dial(*name, fronting, domains))
      return fronting_target{.place = config::named_site{.host = *name, .port = https_port}};
  }
  return fronting.fallback ? fronting.fallback : fronting.fixed;
}

bool is_our_domain(std::string_view sni, const std::vector<std::string>& domains) {
  if (domains.empty() || sni.empty()) return true;
  const auto name = asked_name(sni, domains);
  return name && has_name(domains, *name);
}

}  // namespace mtp::actors
