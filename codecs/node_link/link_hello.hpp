// How a front and a back node agree on a session, or don't: one exchange, or two with a
// cluster_cookie. What both need to tell each other that they don't fit stands first and never
// moves. Facts: doc/wire/node_link.md.
#pragma once

#include <optional>
#include <string>

#include "codecs/base/crypto.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

/// The newest version of what crosses the link, and the oldest one that this build speaks, too. A
/// new one is for what can't be left out; what can has a bit in `link_capability`.
inline constexpr std::uint16_t link_version = 4;
inline constexpr std::uint16_t oldest_link_version = 3;
/// Before it, hellos told one version and nothing of capabilities.
inline constexpr std::uint16_t first_link_version_with_offer = 4;
/// Longer names, builds and reasons are cut.
inline constexpr std::size_t max_link_text = 250;

/// Bytes of a node's name at most.
inline constexpr std::size_t max_node_name = 63;

/// Bits of what may cross only if both nodes know it.
namespace link_capability {
/// The back tells why it ends a session.
inline constexpr std::uint64_t farewell = 1;
/// All that this build knows.
inline constexpr std::uint64_t all = farewell;
}  // namespace link_capability

/// Bytes at most of what later builds add to an offer.
inline constexpr std::size_t max_link_additions = 1000;

/// What a node speaks.
struct link_offer {
  std::uint16_t highest = link_version;
  std::uint16_t lowest = oldest_link_version;
  std::uint64_t capabilities = link_capability::all;
  /// What a later build says here. It means nothing to us, but proofs cover it.
  bytes additions = {};
  [[nodiscard]] bool only(std::uint16_t version) const noexcept {
    return highest == version && lowest == version;
  }
  friend bool operator==(const link_offer&, const link_offer&) = default;
};

/// What a node offers that speaks version 3, or as if it did.
inline const link_offer old_link_offer{.highest = 3, .lowest = 3, .capabilities = 0};

/// What two nodes use in a session.
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
[[nodiscard]] std::optional<link_terms> common_terms(const link_offer& one,
                                                     const link_offer& other) noexcept;
/// For people: "4", or "3 to 4".
[[nodiscard]] std::string describe_versions(const link_offer& offer);
/// The same of another node; empty if they are the same as ours.
[[nodiscard]] std::string describe_other_versions(const link_offer& theirs);
/// For the log, behind another node's build: whether it is older or newer than this one by its
/// newest version, and which they use. Empty if it is neither.
[[nodiscard]] std::string describe_age(const link_offer& theirs, const link_terms& terms);

using link_nonce = std::array<std::uint8_t, 16>;
using link_proof = std::array<std::uint8_t, 32>;

/// A front that was told that its back speaks version 3 only ends the nonce of its hello with this:
/// the proof covers it, and a back that speaks more knows that somebody said so in its name, or did
/// before it was upgraded.
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
  kind what = kind::refused;
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
/// Of a version before `oldest_link_version`, only what never moves is read (version, build; kind
/// and reason); all of any later one. What was read whole is written back byte for byte.
/// Error: `bad_link_hello`.
[[nodiscard]] result<link_hello> decode_link_hello(byte_view in);
[[nodiscard]] result<link_answer> decode_link_answer(byte_view in);

/// Shows that the front has the cookie: the back's nonce, and what it said of itself, under
/// HMAC-SHA256. `hello.proof` does not matter.
[[nodiscard]] link_proof prove_front(byte_view cookie, const link_nonce& of_back,
                                     const link_hello& hello);
/// Shows that the back has it: what the front said, and unless that was in version 3, what the back
/// answers. Neither's proof matters.
[[nodiscard]] link_proof prove_back(byte_view cookie, const link_hello& hello,
                                    const link_answer& answer);

}  // namespace mtp
