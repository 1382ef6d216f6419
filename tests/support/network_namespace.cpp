#include "tests/support/network_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "tests/support/process.hpp"

namespace mtp::test {

namespace {

using namespace std::chrono_literals;

net::unique_fd this_threads_network() {
  return net::unique_fd{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
}

[[noreturn]] void fail(const char* call) {
  throw std::system_error{errno, std::generic_category(), call};
}

}  // namespace

network_namespace::network_namespace() {
  const auto home = this_threads_network();
  if (!home) fail("no /proc/thread-self/ns/net");
  if (::unshare(CLONE_NEWNET) != 0) fail("no network namespaces of our own");
  fd_ = this_threads_network();
  if (::setns(home.get(), CLONE_NEWNET) != 0 || !fd_) fail("no way back to our network");
  run({"ip", "link", "set", "lo", "up"});
}

std::string network_namespace::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get());
}

void network_namespace::run(const std::vector<std::string>& command) const {
  const temporary_directory place;
  std::string words;
  for (const auto& word : command)
    words += word + ' ';
  process tool{"/usr/bin/env",
               {.arguments = command, .output = place.path() / "output", .network = this}};
  const auto status = tool.wait(10s);
  if (status != 0) throw std::runtime_error{words + "failed: " + tool.output()};
}

std::string network_namespace::missing(const std::vector<std::string>& tools) {
  for (const auto& tool : tools)
    if (auto lack = missing_program(tool); !lack.empty()) return lack;
  try {
    const network_namespace any;
    return {};
  } catch (const std::system_error& e) {
    return e.what();
  }
}

network_visit::network_visit(const network_namespace* where) {
  if (where == nullptr) return;
  home_ = this_threads_network();
  if (!home_ || ::setns(where->fd(), CLONE_NEWNET) != 0) fail("can't enter a network namespace");
}

network_visit::~network_visit() {
  if (home_) static_cast<void>(::setns(home_.get(), CLONE_NEWNET));
}

}  // namespace mtp::test
