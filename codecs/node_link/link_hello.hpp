// How a front and a back agree on a session, or do not: one exchange, or two with a cluster_cookie.
// The fields that two nodes need to find out that they do not fit stand first and never move.
// Facts: doc/wire/node_link.md.
#pragma once

#include <optional>
#include <string>

#include "codecs/base/crypto.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

/// The newest version of the link's protocol, and the oldest one that this build speaks too. A
/// change gets a new version if nodes can't do without it; else it gets a bit in `link_capability`.
inline constexpr std::uint16_t link_version = 4;
inline constexpr std::uint16_t oldest_link_version = 3;
/// Before it, a hello had one version and no capabilities.
inline constexpr std::uint16_t first_link_version_with_offer = 4;
/// Longer names, builds and reasons are cut.
inline constexpr std::size_t max_link_text = 250;

/// The longest name of a node, in bytes.
inline constexpr std::size_t max_node_name = 63;

/// Bits for features that may be used only if both nodes have them.
namespace link_capability {
/// The back says why it ends a session.
inline constexpr std::uint64_t farewell = 1;
/// Fronts tell the back of handshakes that they have seen, and the back tells other fronts.
inline constexpr std::uint64_t seen_handshakes = 2;
/// All that this build knows.
inline constexpr std::uint64_t all = farewell | seen_handshakes;
}  // namespace link_capability

/// The most bytes that a later build may add to an offer.
inline constexpr std::size_t max_link_additions = 1000;

/// The versions and capabilities of a node.
struct link_offer {
  std::uint16_t highest = link_version;
  std::uint16_t lowest = oldest_link_version;
  std::uint64_t capabilities = link_capability::all;
  /// Fields of later builds. They mean nothing to us, but proofs cover them.
  bytes additions = {};
  [[nodiscard]] bool only(std::uint16_t version) const noexcept {
    return highest == version && lowest == version;
  }
  friend bool operator==(const link_offer&, const link_offer&) = default;
};

/// The offer of a node that speaks version 3, or that speaks as if it did.
inline const link_offer old_link_offer{.highest = 3, .lowest = 3, .capabilities = 0};

/// The version and capabilities that two nodes use in a session.
struct link_terms {
  std::uint16_t version = 0;
  std::uint64_t capabilities = 0;
  [[nodiscard]] bool has(std::uint64_t capability) const noexcept {
    return (capabilities & capability) != 0;
  }
  friend bool operator==(const link_terms&, const link_terms&) = default;
};
/// The highest version that both speak, and the capabilities that both have. Nothing if there is no
/// such version. The order does not matter: each node computes it for itself.
[[nodiscard]] std::optional<link_terms> common_terms(const link_offer& offer,
                                                     const link_offer& other) noexcept;
/// For people: "4", or "3 to 4".
[[nodiscard]] std::string describe_versions(const link_offer& offer);
/// The same of another node; empty if they are the same as ours.
[[nodiscard]] std::string describe_other_versions(const link_offer& theirs);
/// For the log, behind another node's build: whether its newest version is older or newer than
/// ours, and which version is used. Empty if they are the same.
[[nodiscard]] std::string describe_age(const link_offer& theirs, const link_terms& terms);

using link_nonce = std::array<std::uint8_t, 16>;
using link_proof = std::array<std::uint8_t, 32>;

/// A front whose back seems to speak only version 3 ends the nonce of its hello with this mark. The
/// proof covers the mark. It tells a back that speaks newer versions that another host answered in
/// its name, or that it has been upgraded meanwhile.
inline constexpr std::array<std::uint8_t, 8> fallback_mark{'f', 'a', 'l', 'l', 'b', 'a', 'c', 'k'};
void mark_fallback(link_nonce& nonce) noexcept;
[[nodiscard]] bool is_fallback(const link_nonce& nonce) noexcept;

/// Front to back.
struct link_hello {
  link_offer offer;
  std::string build;
  std::string name;
  /// Names a process; drawn at its start.
  std::uint64_t node = 0;
  std::uint64_t session = 0;
  /// Unix time, seconds.
  std::int64_t clock = 0;
  /// Whether it can prove that: both sides have a cookie, or neither.
  bool has_cookie = false;
  link_nonce nonce{};
  /// Zeros in the first hello.
  link_proof proof{};
  friend bool operator==(const link_hello&, const link_hello&) = default;
};

/// Back to front.
struct link_answer {
  enum class kind : std::uint8_t {
    /// The session has begun.
    welcome,
    /// Say hello again, with a proof for this nonce.
    challenge,
    refused,
  };
  link_offer offer;
  kind verdict = kind::refused;
  std::string build;
  /// For people: why it was refused.
  std::string reason;
  std::string name;
  std::uint64_t node = 0;
  std::int64_t clock = 0;
  link_nonce nonce{};
  link_proof proof{};
  friend bool operator==(const link_answer&, const link_answer&) = default;
};

/// An offer of version 3 alone is written as that version did. An offer's additions and texts are
/// cut to their limits.
[[nodiscard]] bytes encode_link_hello(const link_hello& hello);
[[nodiscard]] bytes encode_link_answer(const link_answer& answer);
/// Of a version before `oldest_link_version` only the fields that never move are read (version,
/// build; kind and reason); of a later one, all fields. A hello that was read whole is written back
/// byte for byte. Error: `bad_link_hello`.
[[nodiscard]] result<link_hello> decode_link_hello(byte_view in);
[[nodiscard]] result<link_answer> decode_link_answer(byte_view in);

/// Proves that the front has the cookie: HMAC-SHA256 over the back's nonce and the front's hello.
/// `hello.proof` does not matter.
[[nodiscard]] link_proof prove_front(byte_view cookie, const link_nonce& of_back,
                                     const link_hello& hello);
/// Proves that the back has it: over the front's hello and, except in version 3, the back's answer.
/// Neither's `proof` field matters.
[[nodiscard]] link_proof prove_back(byte_view cookie, const link_hello& hello,
                                    const link_answer& answer);

}  // namespace mtp
