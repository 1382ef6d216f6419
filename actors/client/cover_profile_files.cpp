#include "actors/client/cover_profile_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "codecs/base/crypto.hpp"
#include "codecs/base/text.hpp"
#include "codecs/client/cover_profile_text.hpp"
#include "net/loop/replace_file.hpp"

namespace mtp::actors {

cover_profile_files::cover_profile_files(const std::string& state_dir)
    : directory_{state_dir.empty() ? std::string{} : state_dir + "/cover-profiles"} {}

std::string cover_profile_files::path_of(const std::string& site) const {
  const auto digest = sha256({as_bytes(site)});
  return directory_ + '/' + to_hex(byte_view{digest}.first(16));
}

std::optional<cover_profile> cover_profile_files::load(const std::string& site) const {
  if (directory_.empty()) return std::nullopt;
  std::ifstream in{path_of(site), std::ios::binary};
  if (!in) return std::nullopt;
  std::string text(max_cover_profile_text + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  auto profile = parse_cover_profile(text);
  if (!profile || profile->site != site) return std::nullopt;
  return std::move(*profile);
}

std::string cover_profile_files::save(const cover_profile& profile) const {
  if (directory_.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  const auto path = path_of(profile.site);
  if (!error)
    error.assign(net::replace_file(path, as_bytes(to_text(profile))), std::generic_category());
  return error ? path + ": " + error.message() : std::string{};
}

void cover_profile_files::keep_only(const std::vector<std::string>& sites) const {
  if (directory_.empty()) return;
  std::vector<std::string> wanted;
  wanted.reserve(sites.size());
  for (const auto& site : sites)
    wanted.push_back(path_of(site));
  std::error_code error;
  std::vector<std::filesystem::path> unwanted;
  for (std::filesystem::directory_iterator entry{directory_, error}, end; !error && entry != end;
       entry.increment(error))
    if (std::ranges::find(wanted, entry->path().string()) == wanted.end())
      unwanted.push_back(entry->path());
  for (const auto& path : unwanted)
    std::filesystem::remove(path, error);
}

}  // namespace mtp::actors
