#include "codecs/telegram/rpc.hpp"

#include <algorithm>

namespace mtp::rpc {

namespace {

constexpr std::uint32_t type_proxy_req = 0x36cef1ee;
constexpr std::uint32_t type_proxy_ans = 0x4403da0d;
constexpr std::uint32_t type_simple_ack = 0x3bac409b;
constexpr std::uint32_t type_close_ext = 0x5eb634a2;
constexpr std::uint32_t type_close_conn = 0x1fcf425d;
constexpr std::uint32_t type_ping = 0x5730a2df;
constexpr std::uint32_t type_pong = 0x8430eaa7;

/// The TL constructor of an ad tag, and what follows it: a length byte, the tag, padding to a word.
constexpr std::uint32_t tl_proxy_tag = 0xdb1e26ae;
constexpr std::uint32_t tag_extra_size = 24;

constexpr std::size_t flat_address_size = 20;
constexpr std::size_t proxy_req_fixed = 4 + 4 + 8 + 2 * flat_address_size;
constexpr std::uint32_t flags_with_extra = 0x4 | flag_ad_tag;

std::uint32_t transport_flags(framing kind) noexcept {
  switch (kind) {
    case framing::abridged:
      return flag_abridged;
    case framing::intermediate:
      return flag_intermediate;
    case framing::padded:
      return flag_intermediate | flag_padded;
  }
  return 0;
}

bool auth_key_is_zero(byte_view packet) noexcept {
  return packet.size() >= 8 && load_le<std::uint64_t>(packet) == 0;
}

void append_address(bytes& into, const endpoint& at) {
  append(into, at.ip.mapped());
  append_le(into, std::uint32_t{at.port});
}

endpoint read_address(byte_view in) noexcept {
  std::array<std::uint8_t, 16> octets;
  std::copy_n(in.begin(), octets.size(), octets.begin());
  return {.ip = ip_address::v6(octets),
          .port = static_cast<std::uint16_t>(load_le<std::uint32_t>(in.subspan(16)))};
}

void encode_with_id(std::uint32_t type, std::int64_t id, bytes& into) {
  append_le(into, type);
  append_le(into, id);
}

/// `extra` of a proxy_req, if it is nothing but an ad tag.
std::optional<ad_tag> read_tag(byte_view extra) noexcept {
  if (extra.size() != tag_extra_size || load_le<std::uint32_t>(extra) != tl_proxy_tag ||
      extra[4] != ad_tag{}.size())
    return std::nullopt;
  ad_tag tag;
  std::copy_n(extra.begin() + 5, tag.size(), tag.begin());
  return tag;
}

result<to_dc> decode_proxy_req(byte_view body) {
  if (body.size() < proxy_req_fixed) return fail(errc::rpc_malformed);
  proxy_req req{.flags = load_le<std::uint32_t>(body.subspan(4)),
                .id = load_le<conn_id>(body.subspan(8)),
                .client = read_address(body.subspan(16)),
                .proxy = read_address(body.subspan(16 + flat_address_size)),
                .tag = std::nullopt,
                .packet = body.subspan(proxy_req_fixed)};
  if ((req.flags & flags_with_extra) != 0) {
    if (req.packet.size() < 4) return fail(errc::rpc_malformed);
    const std::size_t size = load_le<std::uint32_t>(req.packet);
    if (req.packet.size() - 4 < size) return fail(errc::rpc_malformed);
    req.tag = read_tag(req.packet.subspan(4, size));
    req.packet = req.packet.subspan(4 + size);
  }
  return req;
}

}  // namespace

void encode_proxy_req_header(const client_info& client, conn_id id, bool quick_ack,
                             byte_view packet, bytes& into) {
  std::uint32_t flags = flag_tcp_client | flag_obfuscated | transport_flags(client.kind);
  if (client.tag) flags |= flag_ad_tag;
  if (quick_ack) flags |= flag_quick_ack;
  if (auth_key_is_zero(packet)) flags |= flag_not_encrypted;
  append_le(into, type_proxy_req);
  append_le(into, flags);
  append_le(into, id);
  append_address(into, client.client);
  append_address(into, client.proxy);
  if (client.tag) {
    append_le(into, tag_extra_size);
    append_le(into, tl_proxy_tag);
    into.push_back(static_cast<std::uint8_t>(client.tag->size()));
    append(into, *client.tag);
    into.insert(into.end(), 3, 0);
  }
}

void encode_close_conn(conn_id id, bytes& into) {
  encode_with_id(type_close_conn, id, into);
}
void encode_close_ext(conn_id id, bytes& into) {
  encode_with_id(type_close_ext, id, into);
}
void encode_ping(std::int64_t id, bytes& into) {
  encode_with_id(type_ping, id, into);
}
void encode_pong(std::int64_t id, bytes& into) {
  encode_with_id(type_pong, id, into);
}

void encode_proxy_ans(conn_id id, byte_view packet, bytes& into) {
  append_le(into, type_proxy_ans);
  append_le(into, std::uint32_t{0});
  append_le(into, id);
  append(into, packet);
}

void encode_simple_ack(conn_id id, std::uint32_t confirm, bytes& into) {
  encode_with_id(type_simple_ack, id, into);
  append_le(into, confirm);
}

result<from_dc> decode_from_dc(byte_view body) {
  if (body.size() < 4) return fail(errc::rpc_malformed);
  const auto type = load_le<std::uint32_t>(body);
  const auto at_least = [&](std::size_t size) { return body.size() >= size; };
  const auto exactly = [&](std::size_t size) { return body.size() == size; };
  switch (type) {
    case type_proxy_ans:
      if (!at_least(16)) return fail(errc::rpc_malformed);
      return proxy_ans{.flags = load_le<std::uint32_t>(body.subspan(4)),
                       .id = load_le<conn_id>(body.subspan(8)),
                       .packet = body.subspan(16)};
    case type_simple_ack:
      if (!exactly(16)) return fail(errc::rpc_malformed);
      return simple_ack{.id = load_le<conn_id>(body.subspan(4)),
                        .confirm = load_le<std::uint32_t>(body.subspan(12))};
    // The telemt proxy saw middle proxies close a client with either of the two.
    case type_close_ext:
    case type_close_conn:
      if (!exactly(12)) return fail(errc::rpc_malformed);
      return close_ext{.id = load_le<conn_id>(body.subspan(4))};
    case type_ping:
      if (!exactly(12)) return fail(errc::rpc_malformed);
      return ping{.id = load_le<std::int64_t>(body.subspan(4))};
    case type_pong:
      if (!exactly(12)) return fail(errc::rpc_malformed);
      return pong{.id = load_le<std::int64_t>(body.subspan(4))};
    default:
      return unknown{.type = type};
  }
}

result<to_dc> decode_to_dc(byte_view body) {
  if (body.size() < 12) return fail(errc::rpc_malformed);
  const auto type = load_le<std::uint32_t>(body);
  if (type == type_proxy_req) return decode_proxy_req(body);
  if (body.size() != 12) return fail(errc::rpc_malformed);
  const auto id = load_le<std::int64_t>(body.subspan(4));
  switch (type) {
    case type_close_conn:
      return close_conn{.id = id};
    case type_ping:
      return ping{.id = id};
    case type_pong:
      return pong{.id = id};
    default:
      return fail(errc::rpc_malformed);
  }
}

}  // namespace mtp::rpc
