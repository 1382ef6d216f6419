#include "actors/uplink/middle/telegram_config.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

#include "codecs/base/text.hpp"
#include "net/loop/replace_file.hpp"

namespace mtp::actors {

namespace {

constexpr std::string_view known_secret =
    "c4f9faca9678e6bb48ad6c7e2ce5c0d24430645d554addeb55419e034da62721"
    "d046eaab6e52ab14a95a443ecfb3463e79a05a66612adf9caeda8be9a80da698"
    "6fb0a6ff387af84d88ef3a6413713e5c3377f6e1a3d47d99f5e0c56eece8f05c"
    "54c490b079e31bef82ff0ee8f2b0a32756d249c5f21269816cb7061b265db212";

constexpr std::string_view known_v4 = R"(default 2;
proxy_for 1 149.154.175.50:8888;
proxy_for -1 149.154.175.50:8888;
proxy_for 2 149.154.161.144:8888;
proxy_for -2 149.154.161.184:8888;
proxy_for 3 149.154.175.100:8888;
proxy_for -3 149.154.175.100:8888;
proxy_for 4 91.108.4.209:8888;
proxy_for 4 91.108.4.227:8888;
proxy_for 4 91.108.4.215:8888;
proxy_for 4 91.108.4.203:8888;
proxy_for -4 149.154.165.250:8888;
proxy_for -4 149.154.164.250:8888;
proxy_for -4 149.154.165.109:8888;
proxy_for 5 91.108.56.152:8888;
proxy_for 5 91.108.56.187:8888;
proxy_for -5 91.108.56.152:8888;
proxy_for -5 91.108.56.187:8888;
proxy_for 203 91.105.192.110:443;
proxy_for -203 91.105.192.110:443;
)";

constexpr std::string_view known_v6 = R"(default 2;
proxy_for 1 [2001:b28:f23d:f001::d]:8888;
proxy_for -1 [2001:b28:f23d:f001::d]:8888;
proxy_for 2 [2001:67c:4e8:f002::d]:80;
proxy_for -2 [2001:67c:4e8:f002::d]:80;
proxy_for 3 [2001:b28:f23d:f003::d]:8888;
proxy_for -3 [2001:b28:f23d:f003::d]:8888;
proxy_for 4 [2001:67c:4e8:f004::d]:8888;
proxy_for -4 [2001:67c:4e8:f004::d]:8888;
proxy_for 5 [2001:b28:f23f:f005::d]:8888;
proxy_for -5 [2001:b28:f23f:f005::d]:8888;
proxy_for 203 [2a0a:f280:203:a:5000::110]:443;
proxy_for -203 [2a0a:f280:203:a:5000::110]:443;
)";

constexpr const char* secret_file = "proxy-secret";
constexpr const char* v4_file = "proxy-config";
constexpr const char* v6_file = "proxy-config-v6";

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return std::nullopt;
  std::string text(max_dc_list_text + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// Whether these are whole UTF-8 characters and no control characters but blanks. Random bytes are
/// not.
bool is_utf8_text(byte_view in) noexcept {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto lead = in[i];
    if (lead < 0x80) {
      if ((lead < ' ' && lead != '\t' && lead != '\r' && lead != '\n') || lead == 0x7f)
        return false;
      continue;
    }
    const auto more = static_cast<std::size_t>(std::countl_one(lead)) - 1;
    if (more < 1 || more > 3 || more >= in.size() - i) return false;
    for (const auto next : in.subspan(i + 1, more))
      if ((next & 0xc0) != 0x80) return false;
    i += more;
  }
  return true;
}

}  // namespace

telegram_config built_in_telegram_config() {
  return {.secret = *from_hex(known_secret),
          .v4 = parse_dc_list(known_v4)->list,
          .v6 = parse_dc_list(known_v6)->list,
          .external_v4 = std::nullopt,
          .external_v6 = std::nullopt};
}

std::string describe_clock(std::optional<std::chrono::seconds> ahead) {
  if (!ahead || std::chrono::abs(*ahead) <= most_clock_skew) return {};
  return std::to_string(std::chrono::abs(*ahead).count()) +
         (ahead->count() > 0 ? " s ahead of" : " s behind");
}

bool is_proxy_secret(byte_view secret) noexcept {
  constexpr std::size_t shortest = 32;
  constexpr std::size_t longest = 256;
  if (secret.size() < shortest || secret.size() > longest) return false;
  // A page, JSON or an error message, in any language, of a host in between.
  constexpr std::string_view telling = " \t\r\n<{[\"";
  return !is_utf8_text(secret) || std::ranges::none_of(secret, [&](auto byte) {
    return telling.find(static_cast<char>(byte)) != std::string_view::npos;
  });
}

bool telegram_config_files::load(telegram_config& into) const {
  if (directory.empty()) return false;
  const std::filesystem::path base{directory};
  const auto secret = read_file(base / secret_file);
  const bool secret_good = secret && is_proxy_secret(as_bytes(*secret));
  if (secret_good) into.secret = to_bytes(as_bytes(*secret));
  const auto load_list = [&](std::string_view name, dc_list& list) {
    const auto text = read_file(base / name);
    auto parsed = text ? parse_dc_list(*text) : fail(errc::bad_dc_list);
    if (!parsed) return false;
    if (parsed->broken_count > 0)
      spdlog::warn("{}: left out what can't be read: {}", (base / name).string(),
                   describe_broken_lines(*parsed));
    list = std::move(parsed->list);
    return true;
  };
  static_cast<void>(load_list(v6_file, into.v6));
  return load_list(v4_file, into.v4) && secret_good;
}

std::string telegram_config_files::save(const telegram_config& fetched) const {
  if (directory.empty()) return {};
  const std::filesystem::path base{directory};
  std::error_code error;
  std::filesystem::create_directories(base, error);
  const auto save = [&](const char* name, byte_view content) {
    if (!error)
      error.assign(net::replace_file((base / name).string(), content), std::generic_category());
  };
  save(secret_file, fetched.secret);
  save(v4_file, as_bytes(format_dc_list(fetched.v4)));
  save(v6_file, as_bytes(format_dc_list(fetched.v6)));
  return error ? directory + ": " + error.message() : std::string{};
}

std::optional<dc_id> telegram_config::resolve(dc_id dc) const {
  const auto known = [&](dc_id id) {
    return v4.endpoints.contains(id) || v6.endpoints.contains(id);
  };
  if (known(dc)) return dc;
  const auto main_dc = static_cast<dc_id>(-dc);
  if (dc < 0 && known(main_dc)) return main_dc;
  const auto fallback = v4.default_dc ? v4.default_dc : v6.default_dc;
  if (fallback && known(*fallback)) return fallback;
  return std::nullopt;
}

std::vector<endpoint> telegram_config::endpoints(dc_id dc, bool prefer_v6) const {
  std::vector<endpoint> endpoints;
  for (const auto* const list : {prefer_v6 ? &v6 : &v4, prefer_v6 ? &v4 : &v6}) {
    const auto at = list->endpoints.find(dc);
    if (at != list->endpoints.end())
      endpoints.insert(endpoints.end(), at->second.begin(), at->second.end());
  }
  return endpoints;
}

std::vector<dc_id> telegram_config::dcs() const {
  std::set<dc_id> ids;
  for (const auto* const list : {&v4, &v6})
    for (const auto& [dc, endpoints] : list->endpoints)
      ids.insert(dc);
  return {ids.begin(), ids.end()};
}

}  // namespace mtp::actors
