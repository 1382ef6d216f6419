// Writes what is generated from the option table, or compares it with the files that are there:
//   config_docs ROOT            writes doc/config.md and config/template*.toml below ROOT
//   config_docs --check ROOT    status 1, and says what to do, if one of them would change
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "config/option_docs.hpp"

namespace {

using generator = tl::expected<std::string, std::string> (*)(std::string_view);

struct generated_file {
  std::string_view path;
  generator make;
};

constexpr generated_file files[]{
    {"doc/config.md", mtp::config::with_option_tables},
    {"config/template.toml", mtp::config::with_option_comments},
    {"config/template.front.toml", mtp::config::with_option_comments},
    {"config/template.back.toml", mtp::config::with_option_comments},
};

int fail(std::string_view path, std::string_view problem) {
  fmt::print(stderr, "error: {}: {}\n", path, problem);
  return 1;
}

/// Writes or compares one file below `root`; 0 if all is well.
int refresh(const std::string& root, const generated_file& file, bool check) {
  const auto path = root + '/' + std::string{file.path};
  std::ifstream in{path, std::ios::binary};
  if (!in) return fail(path, "can't be read");
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto made = file.make(text);
  if (!made) return fail(path, made.error());
  if (*made == text) return 0;
  if (check)
    return fail(path, "differs from the option table (config/options_*.cpp): make config-docs");
  std::ofstream output{path, std::ios::binary};
  output << *made << std::flush;
  if (!output) return fail(path, "can't be written");
  fmt::print("wrote {}\n", path);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words{argv + 1, argv + argc};
  const bool check = !words.empty() && words.front() == "--check";
  if (check) words.erase(words.begin());
  if (words.size() != 1) {
    fmt::print(stderr, "usage: config_docs [--check] ROOT\n");
    return 2;
  }
  int status = 0;
  for (const auto& file : files)
    status |= refresh(words.front(), file, check);
  return status;
}
