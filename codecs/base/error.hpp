// Errors of all codecs in one enum, and the two types that codecs return.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>

namespace mtp {

/// Why bytes were refused. The names are labels of metrics, in the Erlang original's spelling where
/// it has them.
enum class errc : std::uint8_t {
  /// A client's abridged frame announces more than the packet limit.
  abridged_max_size,
  /// A client's intermediate or padded frame announces more than the packet limit.
  intermediate_max_size,
  /// A client's intermediate frame is not a multiple of 4 bytes.
  not_aligned,
  /// The 64-byte header decrypts to none of the transport tags: wrong secret, or not our client.
  unknown_protocol,
  /// Not a well-formed ClientHello, or longer than 16 KiB.
  tls_bad_client_hello,
  /// A well-formed ClientHello whose random was not made with our secret.
  tls_invalid_digest,
  /// After the handshake: a record that is neither data nor ChangeCipherSpec.
  tls_bad_record,
  /// An RPC frame's length is impossible or above the limit.
  full_bad_length,
  /// An RPC frame is out of sequence.
  full_bad_seqno,
  /// An RPC frame's CRC does not match.
  full_bad_crc,
  /// An RPC message is shorter than its type requires, or has a wrong type for this moment.
  rpc_malformed,
  /// The middle proxy asks for an encryption schema other than AES.
  rpc_bad_schema,
  /// The middle proxy answers for another proxy secret.
  rpc_bad_key_selector,
  /// The middle proxy's clock and ours differ by more than 30 s.
  rpc_clock_skew,
  /// The middle proxy's handshake does not name our process id.
  rpc_bad_pid,
  /// The middle proxy's handshake carries flags that we did not offer.
  rpc_bad_flags,
  /// The middle proxy refused the handshake with an error code of its own.
  rpc_refused,
  /// A getProxyConfig text without a usable line, or whose broken lines are not outnumbered by good
  /// ones.
  bad_dc_list,
  /// A secret that is none of the known forms.
  bad_secret,
  /// A proxy link that is none of the known forms.
  bad_link,
  /// A blob of stream frames between nodes that is cut short or has an unknown frame.
  bad_stream_frame,
  /// Another node's hello, or its answer to ours, can't be read.
  bad_link_hello,
  /// What should be a header of the PROXY protocol is none, or is too long.
  bad_proxy_header,
  /// A cover site answers a hello with something other than a TLS server's flight.
  tls_bad_server_flight,
  /// A stored cover profile that is damaged, or of another version.
  bad_cover_profile,
  /// What another node tells of handshakes that were seen can't be read.
  bad_seen_batch,
};

/// One name per enumerator, in order.
inline constexpr std::array<std::string_view, 26> errc_names{
    "abridged_max_size",    "intermediate_max_size", "not_aligned",      "unknown_protocol",
    "tls_bad_client_hello", "tls_invalid_digest",    "tls_bad_record",   "full_bad_length",
    "full_bad_seqno",       "full_bad_crc",          "rpc_malformed",    "rpc_bad_schema",
    "rpc_bad_key_selector", "rpc_clock_skew",        "rpc_bad_pid",      "rpc_bad_flags",
    "rpc_refused",          "bad_dc_list",           "bad_secret",       "bad_link",
    "bad_stream_frame",     "bad_link_hello",        "bad_proxy_header", "tls_bad_server_flight",
    "bad_cover_profile",    "bad_seen_batch",
};
static_assert(errc_names.size() == static_cast<std::size_t>(errc::bad_seen_batch) + 1);

[[nodiscard]] constexpr std::string_view to_string(errc code) noexcept {
  return errc_names[static_cast<std::size_t>(code)];
}

/// A value, or why there is none.
template <class T>
using result = tl::expected<T, errc>;

/// A step over a stream: a packet, nothing yet (more bytes are needed), or why it can't go on.
template <class T>
using decoded = tl::expected<std::optional<T>, errc>;

[[nodiscard]] inline tl::unexpected<errc> fail(errc code) noexcept {
  return tl::unexpected<errc>{code};
}

}  // namespace mtp
