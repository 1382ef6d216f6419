// A listening UNIX socket, and connecting to one.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "net/loop/accepting.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::net {

/// Bytes of the longest path that a UNIX socket can have.
inline constexpr std::size_t max_socket_path = sizeof(sockaddr_un::sun_path) - 1;

/// The users who may connect: root, the process's own, and those whom the socket's file lets write.
struct socket_access {
  /// Permission bits of the file.
  mode_t mode = S_IRUSR | S_IWUSR;
  /// Of the file; absent: that of the process.
  std::optional<gid_t> group;
};

/// The group with this name or number. Error, for the operator: there is none, or this process may
/// not give it a file.
[[nodiscard]] tl::expected<gid_t, std::string> find_group(const std::string& text);

/// Its file has its mode and group before anybody can connect, and is removed at the end.
class unix_listener {
 public:
  /// Makes the directory if there is none, and replaces a socket on which no process listens any
  /// more. Error, for the operator: the path is too long, is not a socket, or is served by a living
  /// process; the directory can't be made, or all users can change it; this process may not use
  /// UNIX sockets. May take a second, while another process does the same in that directory.
  /// `backlog`: as of listen(2).
  [[nodiscard]] static tl::expected<std::unique_ptr<unix_listener>, std::string> open(
      const std::string& path, const socket_access& access = {}, int backlog = console_backlog);
  unix_listener(const unix_listener&) = delete;
  unix_listener& operator=(const unix_listener&) = delete;
  unix_listener(unix_listener&&) = delete;
  unix_listener& operator=(unix_listener&&) = delete;
  ~unix_listener() { remove(); }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Accepts, without waiting, a process of root or of our own user; others are turned away.
  [[nodiscard]] accept_result accept() const;
  /// Changes who may connect, if that differs. Error, for the operator: the file is gone or not
  /// ours, or this process may not do that; then the file is as before.
  [[nodiscard]] tl::expected<void, std::string> set_access(const socket_access& access) const;
  /// Whether the file at the path is this socket's.
  [[nodiscard]] bool is_in_place() const noexcept;
  /// Removes the file, unless another socket has taken its place. Any thread.
  void remove() const noexcept;

 private:
  /// More wait for a console than anybody types.
  static constexpr int console_backlog = 8;

  unix_listener(unique_fd fd, std::string path);
  [[nodiscard]] bool is_ours(const struct stat& about) const noexcept {
    return about.st_dev == device_ && about.st_ino == inode_;
  }

  unique_fd fd_;
  std::string path_;
  /// Of the socket's file.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Connects without waiting; the socket is non-blocking. Error: errno.
[[nodiscard]] tl::expected<unique_fd, int> connect_unix(const std::string& path);

}  // namespace mtp::net
