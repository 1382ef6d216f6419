#include "net/loop/machine_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace mtp::net {

namespace {

using std::filesystem::path;

/// The limit in `file`, if it holds one that is less than `most`.
std::size_t read_limit(const path& file, std::size_t most) {
  std::ifstream in{file};
  std::size_t limit = 0;
  // "max" is no number, and no limit.
  return in >> limit && limit > 0 ? std::min(limit, most) : most;
}

/// The least limit of a group below `top` and of those it is in.
std::size_t least_limit(const path& top, path group, const char* file, std::size_t most) {
  while (true) {
    most = read_limit(top / group.relative_path() / file, most);
    if (!group.has_relative_path()) return most;
    group = group.parent_path();
  }
}

}  // namespace

std::size_t machine_memory(const path& root) {
  auto limit = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
               static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto groups = root / "sys/fs/cgroup";
  std::ifstream in{root / "proc/self/cgroup"};
  // hierarchy:controllers:path; version 2 has no controllers there.
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const path group = line.substr(second + 1);
    if (controllers.empty())
      limit = least_limit(groups, group, "memory.max", limit);
    else if (controllers.find("memory") != std::string::npos)
      limit = least_limit(groups / "memory", group, "memory.limit_in_bytes", limit);
  }
  return limit;
}

}  // namespace mtp::net
