// Cover profiles on disk, one file a site, in `state_dir`/cover-profiles. Calls that wait for the
// disk: not for reactors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codecs/client/cover_profile.hpp"

namespace mtp::actors {

class cover_profile_files {
 public:
  /// Without a `state_dir` there is nothing, and nothing is kept.
  explicit cover_profile_files(const std::string& state_dir);

  /// Of the site with this text (`text_of`). A file that is damaged, or another site's, is none.
  [[nodiscard]] std::optional<cover_profile> load(const std::string& site) const;
  /// A crash leaves the profile of before, or this one. Returns why it failed; or nothing.
  [[nodiscard]] std::string save(const cover_profile& profile) const;
  /// Removes the files of all other sites.
  void keep_only(const std::vector<std::string>& sites) const;

 private:
  [[nodiscard]] std::string path_of(const std::string& site) const;

  std::string directory_;
};

}  // namespace mtp::actors
