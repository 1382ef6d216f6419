// Messages inside the frames of an RPC connection between a proxy and a middle proxy.
// Facts: doc/wire/rpc.md. "DC" below is the middle proxy of that data center.
#pragma once

#include <array>
#include <optional>
#include <variant>

#include "codecs/base/address.hpp"
#include "codecs/base/crypto.hpp"
#include "codecs/client/framing.hpp"

namespace mtp::rpc {

/// Identifies a client within an RPC connection; the proxy chooses it.
using conn_id = std::int64_t;
using ad_tag = std::array<std::uint8_t, 16>;

// -- flags of proxy_req ---------------------------------------------------------------------------

inline constexpr std::uint32_t flag_not_encrypted = 0x2;
inline constexpr std::uint32_t flag_ad_tag = 0x8;
inline constexpr std::uint32_t flag_tcp_client = 0x1000;
inline constexpr std::uint32_t flag_obfuscated = 0x20000;
inline constexpr std::uint32_t flag_padded = 0x8000000;
inline constexpr std::uint32_t flag_intermediate = 0x20000000;
inline constexpr std::uint32_t flag_abridged = 0x40000000;
inline constexpr std::uint32_t flag_quick_ack = 0x80000000;

// -- to the DC ------------------------------------------------------------------------------------

/// What the DC is told about a client, with each of its packets.
struct client_info {
  endpoint client;
  /// Our end, as Telegram sees it.
  endpoint proxy;
  framing kind = framing::padded;
  /// Without one, no `extra` field is sent.
  std::optional<ad_tag> tag;
};

/// A client's packet. The packet itself follows the header in the frame.
/// Its flags are derived: `not_encrypted` if the first 8 bytes of the packet (auth_key_id) are 0.
void encode_proxy_req_header(const client_info& client, conn_id id, bool quick_ack,
                             byte_view packet, bytes& into);
/// The client is gone.
void encode_close_conn(conn_id id, bytes& into);
void encode_ping(std::int64_t id, bytes& into);
void encode_pong(std::int64_t id, bytes& into);

// -- from the DC ----------------------------------------------------------------------------------

/// A packet for a client; a view into the frame.
struct proxy_ans {
  std::uint32_t flags = 0;
  conn_id id = 0;
  byte_view packet;
};
/// A quick ack for a client. Bit 31 of `confirm` is set.
struct simple_ack {
  conn_id id = 0;
  std::uint32_t confirm = 0;
};
/// Close the client.
struct close_ext {
  conn_id id = 0;
};
/// Answer with `pong`.
struct ping {
  std::int64_t id = 0;
};
/// Answers our ping.
struct pong {
  std::int64_t id = 0;
};
/// A type we do not know; C and Erlang ignore it, so do we.
struct unknown {
  std::uint32_t type = 0;
};

using from_dc = std::variant<proxy_ans, simple_ack, close_ext, ping, pong, unknown>;

/// Reads the body of a frame. Error: `rpc_malformed` (a known type with a wrong length).
[[nodiscard]] result<from_dc> decode_from_dc(byte_view body);

// -- the DC's side, for the stand-in for Telegram in tests ----------------------------------------

/// A decoded PROXY_REQ.
struct proxy_req {
  std::uint32_t flags = 0;
  conn_id id = 0;
  endpoint client;
  endpoint proxy;
  std::optional<ad_tag> tag;
  byte_view packet;
};
struct close_conn {
  conn_id id = 0;
};
using to_dc = std::variant<proxy_req, close_conn, ping, pong>;

/// Error: `rpc_malformed`, here for unknown types too.
[[nodiscard]] result<to_dc> decode_to_dc(byte_view body);

void encode_proxy_ans(conn_id id, byte_view packet, bytes& into);
void encode_simple_ack(conn_id id, std::uint32_t confirm, bytes& into);
void encode_close_ext(conn_id id, bytes& into);

}  // namespace mtp::rpc
