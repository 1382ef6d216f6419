// Networks of a test's own, by namespaces of the kernel. They have no name and no file: the kernel
// removes each, with all that is in it, when the last process and descriptor of it is gone, however
// a test ends. They need root.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "net/loop/unique_fd.hpp"

namespace mtp::test {

/// Empty but for a loopback interface, which is up.
class network_namespace {
 public:
  network_namespace();
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// A path by which tools find it, as long as this process lives.
  [[nodiscard]] std::string path() const;
  /// Runs a tool in it, e.g. {"ip", "link"}. Throws with what it said if it fails.
  void run(const std::vector<std::string>& command) const;

  /// What this machine lacks for some with these tools in them, for `skip`; empty if nothing.
  /// Throws if all is there and does not work.
  [[nodiscard]] static std::string missing(const std::vector<std::string>& tools = {"ip"});

 private:
  net::unique_fd fd_;
};

/// While it lives, its thread is in a namespace: sockets and threads it makes stay there.
class network_visit {
 public:
  /// Null: nothing happens.
  explicit network_visit(const network_namespace* where);
  network_visit(const network_visit&) = delete;
  network_visit& operator=(const network_visit&) = delete;
  network_visit(network_visit&&) = delete;
  network_visit& operator=(network_visit&&) = delete;
  ~network_visit();

 private:
  net::unique_fd home_;
};

}  // namespace mtp::test
