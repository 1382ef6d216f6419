// How a cover site is reached.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "actors/client/client_side.hpp"
#include "codecs/client/proxy_header.hpp"
#include "net/dial/dialing.hpp"

namespace mtp::actors {

struct cover_target {
  /// A TCP target, or the path of a UNIX socket.
  std::variant<net::dial_target, std::string> to;
  /// The site is told of the visitor's address in such a header.
  std::optional<proxy_version> proxy;
  /// Why it is not dialled, for the operator; empty: it is.
  std::string refusal;
  /// For the site to be reached, look-up included.
  std::chrono::milliseconds limit{10'000};
};

/// A name may not lead to a private address, nor to one of ours; a site that has led back here is
/// not dialled. Any thread.
[[nodiscard]] cover_target cover_target_of(const config::fronting_target& site, client_side& side,
                                           const config::settings& settings,
                                           net::steady_clock::time_point now);

/// A socket that is on its way to the UNIX socket, or an errno; EAGAIN: its backlog is full.
[[nodiscard]] tl::expected<net::unique_fd, int> connect_unix(const std::string& path);

}  // namespace mtp::actors
