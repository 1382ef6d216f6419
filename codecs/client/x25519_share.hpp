// A key share for a fake-TLS answer that looks like a server's x25519 public key. No secret is ever
// computed with it, so it needs no private key.
#pragma once

#include <array>
#include <optional>

#include "codecs/base/bytes.hpp"

namespace mtp {

using x25519_share = std::array<std::uint8_t, 32>;

/// Turns random bytes into a share that is distributed as public keys are: uniform among the points
/// of prime order on the curve (RFC 7748), so that no test of a single share tells them apart.
/// Nothing for the half of all inputs that are not on the curve: try others. A key pair's public
/// half would cost four times as much.
[[nodiscard]] std::optional<x25519_share> make_x25519_share(const x25519_share& random);

}  // namespace mtp
