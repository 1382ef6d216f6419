// Options that we set on TCP sockets, and what the kernel says of them.
#pragma once

#include <chrono>
#include <cstddef>

#include "codecs/base/address.hpp"

namespace mtp::net {

/// Small packets go out at once; the reactor joins packets that belong together.
void set_no_delay(int fd) noexcept;

/// Probes an idle connection after 40 s, every 40 s, and drops it after 5 unanswered probes: the
/// figures of the C, Python and Erlang proxies. So long may data stay unacknowledged, too.
void set_keep_alive(int fd) noexcept;

/// Drops the connection if sent data stays unacknowledged this long. Do not use it with
/// `set_keep_alive`: it would also limit how long a probe may stay unanswered, so that a single
/// lost probe ends the connection.
void set_user_timeout(int fd, std::chrono::milliseconds limit) noexcept;

/// The socket counts as readable when so many bytes have come, or the end has.
void set_low_water(int fd, std::size_t bytes) noexcept;

/// Whether closing resets the connection (RST, nothing lingers) instead of finishing it.
void set_reset_on_close(int fd, bool on) noexcept;

/// Connections that this socket makes come from `ip`, of its family. Returns an errno, or 0.
[[nodiscard]] int bind_source(int fd, const ip_address& ip) noexcept;

/// The pending error of a socket (errno), cleared by reading it.
[[nodiscard]] int take_error(int fd) noexcept;

/// Raises the soft limit of open files to the hard one; returns the limit now in force.
std::size_t raise_open_files_limit() noexcept;

/// Whether bytes, or the end, wait to be read.
[[nodiscard]] bool has_unread(int fd) noexcept;

/// Bytes in the kernel that the peer's kernel has not taken yet.
[[nodiscard]] std::size_t untaken_bytes(int fd) noexcept;

}  // namespace mtp::net
