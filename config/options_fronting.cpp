// The option table: fronting.
#include "config/option_table.hpp"
#include "config/option_values.hpp"
#include "config/shown_text.hpp"
#include "config/target_value.hpp"

namespace mtp::config {

namespace {

using of = values<settings>;

template <class Member>
auto fronting_at(Member member) {
  return at(&settings::client, &client_config::fronting, member);
}

constexpr std::string_view wanted_site =
    R"(a name, as "example.com" or "*.example.com"; fronting_default is for all other names)";

void read_domain_fronting(toml_reader& in, std::string_view key, settings& into) {
  auto& fronting = into.client.fronting;
  const auto& node = *in.find(key);
  const auto word = node.value<std::string>();
  const auto* const truth = node.as_boolean();
  if (word == "off" || (truth != nullptr && !truth->get())) {
    fronting.mode = fronting_mode::off;
  } else if (word == "sni") {
    fronting.mode = fronting_mode::sni;
  } else if (auto target = read_target(in, key, R"("off", "sni", )" + std::string{wanted_place})) {
    fronting.mode = fronting_mode::fixed;
    fronting.fixed = std::move(target);
  }
}

std::string show_domain_fronting(const settings& from) {
  const auto& fronting = from.client.fronting;
  if (fronting.mode == fronting_mode::fixed && fronting.fixed) return show_target(*fronting.fixed);
  return fronting.mode == fronting_mode::sni ? "\"sni\"" : "\"off\"";
}

void read_default(toml_reader& in, std::string_view key, settings& into) {
  if (auto target = read_target(in, key)) into.client.fronting.fallback = std::move(target);
}

std::string show_default(const settings& from) {
  const auto& target = from.client.fronting.fallback;
  return target ? show_target(*target) : std::string{not_set};
}

void read_sites(toml_reader& in, std::string_view key, settings& into) {
  auto& sites = into.client.fronting.sites;
  in.table(key, [&](toml_reader& table) {
    for (const auto& written : table.keys()) {
      const auto& node = *table.find(written);
      const auto name = parse_site_name(written);
      if (!name) {
        table.problem(node, shown(written), "expected " + std::string{wanted_site});
        continue;
      }
      auto target = read_target(table, written);
      if (target && !sites.emplace(*name, std::move(*target)).second)
        table.problem(node, written, "is the same name as another one");
    }
  });
}

std::string show_sites(const settings& from) {
  std::string text;
  for (const auto& [name, target] : from.client.fronting.sites)
    text += (text.empty() ? "" : ", ") + quoted(name) + " = " + show_target(target);
  return text.empty() ? std::string{not_set} : "{ " + text + " }";
}

void read_plain(toml_reader& in, std::string_view key, settings& into) {
  auto& plain = into.client.fronting.plain;
  in.table(key, [&](toml_reader& table) {
    for (const auto& written : table.keys()) {
      const auto& node = *table.find(written);
      const auto number = parse_port(written);
      if (!number || *number == 0) {
        table.problem(node, shown(written), "expected a port number, 1 to 65535");
        continue;
      }
      auto target = read_target(table, written);
      if (target && !plain.emplace(*number, std::move(*target)).second)
        table.problem(node, written, "is the same port as another one");
    }
  });
}

std::string show_plain(const settings& from) {
  std::string text;
  for (const auto& [number, target] : from.client.fronting.plain)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", number, show_target(target));
  return text.empty() ? std::string{not_set} : "{ " + text + " }";
}

std::vector<option> site_options() {
  return {
      {.key = "domain_fronting",
       .value = {.read = read_domain_fronting, .show = show_domain_fronting},
       .roles = with_clients,
       .applies = change_time::live,
       .example = "\"127.0.0.1:8443\"",
       .line = "Where connections go that are not a client's. `\"off\"`: they are closed. "
               "`\"sni\"`: to the name that their ClientHello asks for, at port 443, if that is in "
               "`tls_domains` or `fronting_names`. Else to this [site](#sites)."},
      {.key = "fronting_default",
       .value = {.read = read_default, .show = show_default},
       .shown_default = "none; required with `\"sni\"` without `fronting_open`",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = R"({ to = "unix:/run/site.sock", proxy_protocol = "v2" })",
       .line = "The [site](#sites) for all names that have no other, and for connections without a "
               "name: plain HTTP, SSH, garbage."},
      {.key = "fronting_sites",
       .value = {.read = read_sites, .show = show_sites},
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = R"({ "example.com" = "127.0.0.1:8443" })",
       .line = "[Sites](#sites) by name, as `\"example.com\" = \"127.0.0.1:8443\"`. "
               "`\"*.example.com\"` stands for all names that end in `.example.com`; the longest "
               "one counts, and a name without `*` before all of them."},
      {.key = "fronting_names",
       .value = of::list(fronting_at(&fronting_settings::names), domain_text),
       .shown_default = "none",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = "[\"www.example.com\"]",
       .line = "With `domain_fronting = \"sni\"`: names besides `tls_domains` that are dialled."},
      {.key = "fronting_open",
       .value = of::boolean(fronting_at(&fronting_settings::open)),
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line =
           "With `domain_fronting = \"sni\"`: dial every name, as the Erlang proxy does. Anybody "
           "can use this server as a relay then, and it shows the certificate of any site, as "
           "no real server does. So there is a warning."},
      {.key = "listen_plain",
       .value = {.read = read_plain, .show = show_plain},
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = R"({ 80 = "127.0.0.1:8080" })",
       .line =
           "Ports at which there are no clients, and the [site](#sites) that gets all that comes "
           "there, as `80 = \"127.0.0.1:8080\"`: a real site has a port 80. Also with "
           "`domain_fronting = \"off\"`. They listen on `listen_ip`; their names are "
           "`plain_80` and so on."},
      {.key = "tls_domains",
       .value = of::list(at(&settings::client, &client_config::tls_domains), domain_text),
       .shown_default = "any",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = "[\"example.com\"]",
       .line =
           "The names that clients with fake-TLS ask for; share links have the first. A client "
           "that asks for another name is not served, even if it knows the secret; one without a "
           "name is. A port may have its own."},
  };
}

std::vector<option> limit_options() {
  return {
      {.key = "domain_fronting_timeout_sec",
       .value = of::duration(fronting_at(&fronting_settings::connect_timeout)),
       .unit = "s",
       .roles = with_clients,
       .applies = change_time::live,
       .line = "How long connecting to a site may take."},
      {.key = "fronting_silence_ms",
       .value =
           of::duration(fronting_at(&fronting_settings::silence), {.least = 100, .most = 60'000}),
       .unit = "ms",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line = "How long after its first byte a connection may take to become a client's; then the "
               "site gets what has come. A ClientHello that becomes whole before the site has "
               "answered is a client's all the same."},
      {.key = "fronting_idle_sec",
       .value = of::duration(fronting_at(&fronting_settings::idle_timeout)),
       .unit = "s",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line = "A forwarded connection is closed when nothing has passed in either direction for "
               "this long."},
      {.key = "max_fronted",
       .value = of::whole(fronting_at(&fronting_settings::max_fronted), {.least = 0}),
       .shown_default = "a quarter of `max_connections`",
       .unit = "connections",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line = "The most connections that are forwarded at a time, of all ports together; they do "
               "not count for `max_connections`. Above it the connection of the busiest network "
               "that has been idle longest is closed. 0: a quarter of `max_connections`."},
      {.key = "fronting_down",
       .value =
           of::word(fronting_at(&fronting_settings::when_down), {{"mirror", fronting_down::mirror},
                                                                 {"close", fronting_down::close},
                                                                 {"hold", fronting_down::hold}}),
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line = "What becomes of a connection whose site can't be reached. `\"mirror\"`: it ends as "
               "the attempt to reach the site did. `\"close\"`: it is closed. `\"hold\"`: it stays "
               "open in silence, for `fronting_idle_sec` at most."},
      {.key = "record_sizing",
       .value = of::word(at(&settings::client, &client_config::record_sizing),
                         {{"ramp", mtp::record_sizing::ramp}, {"off", mtp::record_sizing::off}}),
       .roles = with_clients,
       .applies = change_time::new_connections,
       .original = false,
       .line =
           "How long TLS records are that clients with fake-TLS get. `\"ramp\"`: as web servers "
           "do it, 40 of about 1400 bytes, 20 of about 4 KiB, then full ones; anew after a "
           "second of silence. `\"off\"`: full ones. "
           "[Why](adr/0020-record-sizing.md)"},
      {.key = "measure_sites",
       .value = of::boolean(fronting_at(&fronting_settings::measure_sites)),
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line = "Measure what the sites answer to browsers, so that our answers to clients with "
               "fake-TLS look the same: 15 unfinished TLS handshakes at the start, and every 4 to "
               "8 hours. It also finds a site that leads back to this proxy. Off: answers look "
               "like those of a site with two certificates."},
  };
}

}  // namespace

option_group fronting_options() {
  option_group group{.name = "fronting", .options = site_options()};
  std::ranges::move(limit_options(), std::back_inserter(group.options));
  return group;
}

}  // namespace mtp::config
