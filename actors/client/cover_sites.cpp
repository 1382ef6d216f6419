#include "actors/client/cover_sites.hpp"

#include <algorithm>

#include "actors/client/fronting_rules.hpp"
#include "codecs/base/crypto.hpp"
#include "codecs/base/text.hpp"
#include "codecs/client/cover_profile.hpp"

namespace mtp::actors {

namespace {

/// What clients of this port ask for, most likely.
std::vector<std::string> names_of(const config::client_config& all,
                                  const config::port_settings& port) {
  auto names = all.domains_of(port);
  if (!names.empty()) return names;
  for (const auto& [name, target] : all.fronting.sites)
    if (!name.starts_with('*')) names.push_back(name);
  std::ranges::copy(all.fronting.names, std::back_inserter(names));
  if (!names.empty()) return names;
  for (const auto* const target : {&all.fronting.fixed, &all.fronting.fallback}) {
    if (!*target) continue;
    if (const auto* const site = std::get_if<config::named_site>(&(*target)->place))
      return {site->host};
  }
  return {std::string{config::default_link_domain}};
}

/// The rest is for sites that may lead back.
constexpr std::size_t most_covers = max_cover_sites - 16;

/// A name that leads others to `target`.
std::string name_at(const config::fronting_target& target, std::string_view key = {}) {
  if (key.starts_with('*')) return "www" + std::string{key.substr(1)};
  if (!key.empty()) return std::string{key};
  const auto* const site = std::get_if<config::named_site>(&target.place);
  return site != nullptr ? site->host : std::string{config::default_link_domain};
}

/// Unless it is there, or there are too many.
void add(std::vector<cover_site>& sites, cover_site site) {
  const bool known = std::ranges::any_of(sites, [&](const cover_site& other) {
    return other.target == site.target && (other.sni == site.sni || !site.is_cover);
  });
  if (!known && sites.size() < max_cover_sites) sites.push_back(std::move(site));
}

}  // namespace

std::vector<cover_site> cover_sites_of(const config::client_config& all) {
  std::vector<cover_site> sites;
  const auto& fronting = all.fronting;
  if (!fronting.measure_sites) return sites;
  for (const auto& port : all.ports) {
    if (!all.allows(port, config::protocol::mtp_fake_tls)) continue;
    for (auto& name : names_of(all, port)) {
      auto target = fronting_target_of(name, true, all, port);
      if (target && sites.size() < most_covers)
        add(sites, {.target = std::move(*target), .sni = std::move(name)});
    }
  }
  if (fronting.mode != config::fronting_mode::off)
    for (const auto& [key, target] : fronting.sites)
      add(sites, {.target = target, .sni = name_at(target, key), .is_cover = false});
  if (fronting.mode == config::fronting_mode::sni)
    for (const auto& name : fronting.names)
      add(sites, {.target = {.place = config::named_site{.host = name, .port = 443}},
                  .sni = name,
                  .is_cover = false});
  for (const auto& [number, target] : fronting.plain)
    add(sites, {.target = target, .sni = name_at(target), .is_cover = false});
  for (const auto* const target : {&fronting.fixed, &fronting.fallback})
    if (*target) add(sites, {.target = **target, .sni = name_at(**target), .is_cover = false});
  return sites;
}

std::string text_of(const cover_site& site) {
  auto text = site.sni + '@' + to_string(site.target);
  const bool fits = text.size() <= max_cover_site &&
                    std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (fits) return text;
  // Instead of the place, 128 bits of a digest of both.
  constexpr std::size_t digest_size = 16;
  constexpr std::size_t name_size = max_cover_site - 1 - 2 * digest_size;
  const auto digest = sha256({as_bytes(text)});
  return site.sni.substr(0, name_size) + '@' + to_hex(byte_view{digest}.first(digest_size));
}

}  // namespace mtp::actors
