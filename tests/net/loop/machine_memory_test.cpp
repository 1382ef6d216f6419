#include "net/loop/machine_memory.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/process.hpp"

namespace mtp::net {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;

struct fixture {
  test::temporary_directory root;
  void write(const std::filesystem::path& name, const std::string& text) const {
    const auto at = root.path() / name;
    std::filesystem::create_directories(at.parent_path());
    std::ofstream{at} << text << '\n';
  }
};

TEST_CASE_FIXTURE(fixture, "machine memory: without control groups it is the machine's") {
  const auto all = machine_memory(root.path());
  CHECK(all > 16 * mib);
  write("proc/self/cgroup", "nonsense\n0::/");
  write("sys/fs/cgroup/memory.max", "max");
  CHECK(machine_memory(root.path()) == all);
}

TEST_CASE_FIXTURE(fixture, "machine memory: the least limit of a group and of those above counts") {
  write("proc/self/cgroup", "0::/system.slice/proxy.service");
  write("sys/fs/cgroup/system.slice/proxy.service/memory.max", "12582912");
  CHECK(machine_memory(root.path()) == 12 * mib);
  write("sys/fs/cgroup/system.slice/memory.max", "8388608");
  CHECK(machine_memory(root.path()) == 8 * mib);
}

TEST_CASE_FIXTURE(fixture, "machine memory: version 1") {
  write("proc/self/cgroup", "11:cpu,cpuacct:/a\n4:memory:/docker/b");
  write("sys/fs/cgroup/memory/docker/b/memory.limit_in_bytes", "4194304");
  CHECK(machine_memory(root.path()) == 4 * mib);
  // In a container the group's own path is not there, but its limit is at the top.
  write("proc/self/cgroup", "4:memory:/docker/c");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "6291456");
  CHECK(machine_memory(root.path()) == 6 * mib);
}

}  // namespace
}  // namespace mtp::net
