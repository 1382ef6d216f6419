#include "bench/process_usage.hpp"

#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace mtp::bench {

namespace {

std::chrono::nanoseconds from_ticks(long ticks) {
  return std::chrono::nanoseconds{std::chrono::seconds{1}} * ticks / ::sysconf(_SC_CLK_TCK);
}

/// The contents of a thread's "stat": its id, its name in brackets, and fields with blanks between.
thread_usage parse_thread(const std::string& text) {
  // A name may have brackets and blanks in it.
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  std::istringstream fields{text.substr(close + 1)};
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return {.id = std::stoi(text),
          .name = text.substr(open + 1, close - open - 1),
          .cpu = from_ticks(user + system)};
}

}  // namespace

std::chrono::nanoseconds cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec now{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &now) != 0)
    throw std::runtime_error{"no process " + std::to_string(pid)};
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

std::vector<thread_usage> threads_of(pid_t pid) {
  std::vector<thread_usage> threads;
  std::error_code error;
  const std::filesystem::directory_iterator tasks{"/proc/" + std::to_string(pid) + "/task", error};
  if (error) throw std::runtime_error{"no process " + std::to_string(pid)};
  for (const auto& task : tasks) {
    std::ifstream in{task.path() / "stat"};
    std::string text;
    // One that ends meanwhile has no file any more.
    if (std::getline(in, text)) threads.push_back(parse_thread(text));
  }
  return threads;
}

std::chrono::nanoseconds machine_cpu_time() {
  std::ifstream in{"/proc/stat"};
  std::string name;
  long user = 0;
  long nice = 0;
  long system = 0;
  long idle = 0;
  long waiting = 0;
  long interrupts = 0;
  long soft_interrupts = 0;
  in >> name >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts;
  if (!in) throw std::runtime_error{"can't read /proc/stat"};
  return from_ticks(user + nice + system + interrupts + soft_interrupts);
}

memory_usage memory_of(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/smaps_rollup"};
  memory_usage usage;
  std::string name;
  std::size_t kilobytes = 0;
  std::string rest;
  std::getline(in, rest);
  while (in >> name >> kilobytes && std::getline(in, rest)) {
    if (name == "Rss:") usage.resident += kilobytes * 1024;
    if (name == "Private_Clean:" || name == "Private_Dirty:") usage.own += kilobytes * 1024;
  }
  if (usage.resident == 0)
    throw std::runtime_error{"can't read the memory of " + std::to_string(pid)};
  return usage;
}

}  // namespace mtp::bench
