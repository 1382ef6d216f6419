// How a front and a back node agree on a session, or don't: one exchange, or two with a
// cluster_cookie. What both need to tell each other that they don't fit stands first and never
// moves. Facts: doc/wire/node_link.md.
#pragma once

#include <string>

#include "codecs/base/crypto.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

/// Nodes whose numbers differ refuse each other: with every change of what crosses the link.
inline constexpr std::uint16_t link_version = 3;
/// Longer names, builds and reasons are cut.
inline constexpr std::size_t max_link_text = 250;

/// Bytes of a node's name at most.
inline constexpr std::size_t max_node_name = 63;

using link_nonce = std::array<std::uint8_t, 16>;
using link_proof = std::array<std::uint8_t, 32>;

/// Front to back.
struct link_hello {
  std::uint16_t version = link_version;
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
  std::uint16_t version = link_version;
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

[[nodiscard]] bytes encode_link_hello(const link_hello& hello);
[[nodiscard]] bytes encode_link_answer(const link_answer& answer);
/// Of another version, only what never moves is read (version, build; kind and reason).
/// Error: `bad_link_hello`.
[[nodiscard]] result<link_hello> decode_link_hello(byte_view in);
[[nodiscard]] result<link_answer> decode_link_answer(byte_view in);

/// Shows that the front has the cookie: the back's nonce, and what it said of itself, under
/// HMAC-SHA256.
[[nodiscard]] link_proof prove_front(byte_view cookie, const link_nonce& of_back,
                                     const link_hello& hello);
/// Shows that the back has it: the front's nonce.
[[nodiscard]] link_proof prove_back(byte_view cookie, const link_hello& hello);

}  // namespace mtp
