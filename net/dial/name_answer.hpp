// What a look-up of a name comes to.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "codecs/base/address.hpp"

namespace mtp::net {

enum class lookup_problem : std::uint8_t {
  /// A name server, or the text of the name, says that there is no such name.
  no_such_name,
  /// The name exists, and has neither an IPv4 nor an IPv6 address.
  no_address,
  /// No name server has given an answer: the next question may get one.
  failed,
};

struct lookup_failure {
  lookup_problem problem = lookup_problem::failed;
  /// For the operator.
  std::string text;

  friend bool operator==(const lookup_failure&, const lookup_failure&) = default;
};

/// Addresses, at least one and at most `max_addresses`, best first (RFC 6724).
using name_answer = tl::expected<std::vector<ip_address>, lookup_failure>;
inline constexpr std::size_t max_addresses = 8;

}  // namespace mtp::net
