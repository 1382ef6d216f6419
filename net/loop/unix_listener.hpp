// A listening UNIX socket for programs of the same user, and connecting to one.
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "net/loop/accepting.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::net {

/// Bytes of the longest path that a UNIX socket can have.
inline constexpr std::size_t max_socket_path = sizeof(sockaddr_un::sun_path) - 1;

/// Its file has mode 0600 before anybody can connect, and is removed at the end.
class unix_listener {
 public:
  /// Makes the directory if there is none, and replaces a socket on which no process listens any
  /// more. Error, for the operator: the path is too long, is not a socket, or is served by a living
  /// process; the directory can't be made, or all users can change it; this process may not use
  /// UNIX sockets. May take a second, while another process does the same in that directory.
  [[nodiscard]] static tl::expected<std::unique_ptr<unix_listener>, std::string> open(
      const std::string& path);
  unix_listener(const unix_listener&) = delete;
  unix_listener& operator=(const unix_listener&) = delete;
  unix_listener(unix_listener&&) = delete;
  unix_listener& operator=(unix_listener&&) = delete;
  ~unix_listener() { remove(); }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Accepts, without waiting, a process of root or of our own user; others are turned away.
  [[nodiscard]] accept_result accept() const;
  /// Removes the file, unless another socket has taken its place. Any thread.
  void remove() const noexcept;

 private:
  unix_listener(unique_fd fd, std::string path);

  unique_fd fd_;
  std::string path_;
  /// Which file is ours.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Connects without waiting; the socket is non-blocking. Error: errno.
[[nodiscard]] tl::expected<unique_fd, int> connect_unix(const std::string& path);

}  // namespace mtp::net
