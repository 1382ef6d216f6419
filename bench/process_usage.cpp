#include "bench/process_usage.hpp"

#include <time.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace mtp::bench {

std::chrono::nanoseconds cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec now{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &now) != 0)
    throw std::runtime_error{"no process " + std::to_string(pid)};
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

memory_usage memory_of(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/smaps_rollup"};
  memory_usage out;
  std::string name;
  std::size_t kilobytes = 0;
  std::string rest;
  std::getline(in, rest);
  while (in >> name >> kilobytes && std::getline(in, rest)) {
    if (name == "Rss:") out.resident += kilobytes * 1024;
    if (name == "Private_Clean:" || name == "Private_Dirty:") out.own += kilobytes * 1024;
  }
  if (out.resident == 0)
    throw std::runtime_error{"can't read the memory of " + std::to_string(pid)};
  return out;
}

}  // namespace mtp::bench
