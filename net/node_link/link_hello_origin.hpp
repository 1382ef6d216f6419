// Fronts and strangers at a back's port, told apart by what they say first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mtp::net {

enum class hello_origin : std::uint8_t {
  /// More has to come.
  unknown,
  front,
  stranger,
  /// The connection has failed.
  gone,
};

/// Judges a connection by what has come, which stays unread: a front sends a ClientHello for
/// `front_sni` (empty: for no name), in any number of records, and nothing behind it. `seen`: bytes
/// that have come. If more has to come, the socket is readable when it has.
[[nodiscard]] hello_origin origin_of_hello(int fd, std::string_view front_sni, std::size_t& seen);

}  // namespace mtp::net
