// What the stand-in's middle proxies say to a proxy: the half of the loop that knows RPC.
#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "codecs/base/overloaded.hpp"
#include "codecs/telegram/req_pq.hpp"
#include "codecs/telegram/rpc_handshake.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/unix_time.hpp"
#include "tests/support/fake_telegram_loop.hpp"
#include "tests/support/tagged_packet.hpp"

namespace mtp::test {

namespace {

constexpr std::size_t remembered_requests = 1000;
/// A peer that does not read has this much queued for it, then its answers stop.
constexpr std::size_t max_queue = std::size_t{256} * 1024 * 1024;

}  // namespace

bool fake_telegram::loop::handle_frame(connection& conn, byte_view body) {
  switch (conn.at) {
    case connection::stage::nonce:
      return handle_nonce(conn, body);
    case connection::stage::handshake:
      return handle_handshake(conn, body);
    case connection::stage::ready:
      return handle_message(conn, body);
  }
  return false;
}

bool fake_telegram::loop::handle_nonce(connection& conn, byte_view body) {
  const auto theirs = rpc::decode_nonce(body);
  if (!theirs) return complain(conn, "bad nonce message");
  if (theirs->key_selector != load_le<std::uint32_t>(options->secret))
    return complain(conn, "wrong key selector");
  const auto mine = rpc::nonce_message{.key_selector = theirs->key_selector,
                                       .time = static_cast<std::uint32_t>(net::unix_time()) +
                                               static_cast<std::uint32_t>(options->clock_skew),
                                       .nonce = net::random_array<16>()};
  bytes encoded;
  rpc::encode_nonce(mine, encoded);
  conn.writer.write(encoded);
  flush(conn);
  const middle_key_input input{.server_nonce = mine.nonce,
                               .client_nonce = theirs->nonce,
                               .client_time = theirs->time,
                               .server = net::local_endpoint(conn.fd.get()),
                               .client = net::peer_endpoint(conn.fd.get()),
                               .secret = options->secret};
  conn.reader.decrypt_with(derive_middle_key(input, key_purpose::client));
  conn.writer.encrypt_with(derive_middle_key(input, key_purpose::server));
  conn.at = connection::stage::handshake;
  return true;
}

bool fake_telegram::loop::handle_handshake(connection& conn, byte_view body) {
  const auto theirs = rpc::decode_handshake(body);
  if (!theirs) return complain(conn, "bad handshake message");
  const bool castagnoli = options->crc32c && (theirs->flags & rpc::handshake_crc32c) != 0;
  bytes encoded;
  rpc::encode_handshake({.flags = castagnoli ? rpc::handshake_crc32c : 0,
                         .sender = {.ip = 1, .port = 2, .pid = 3, .start_time = 4},
                         .peer = theirs->sender},
                        encoded);
  conn.writer.write(encoded);
  if (castagnoli) {
    conn.writer.use(checksum::crc32c);
    conn.reader.use(checksum::crc32c);
    ++crc32c_conns;
  }
  if (options->wrong_checksums) conn.writer.use(castagnoli ? checksum::crc32 : checksum::crc32c);
  conn.at = connection::stage::ready;
  return true;
}

bool fake_telegram::loop::handle_message(connection& conn, byte_view body) {
  const auto message = rpc::decode_to_dc(body);
  if (!message) return complain(conn, "message that can't be read");
  return std::visit(
      overloaded{
          [&](const rpc::proxy_req& request) { return handle_request(conn, request); },
          [&](const rpc::close_conn& close) {
            ++conn.of->closed_clients;
            conn.clients.erase(close.id);
            return true;
          },
          [&](const rpc::ping& ping) {
            ++pings;
            bytes encoded;
            rpc::encode_pong(ping.id, encoded);
            conn.writer.write(encoded);
            return true;
          },
          [&](const rpc::pong& pong) {
            pongs.push_back(pong.id);
            return true;
          },
      },
      *message);
}

bool fake_telegram::loop::handle_request(connection& conn, const rpc::proxy_req& request) {
  conn.clients.insert(request.id);
  requests.push_back({.dc = conn.of->dc,
                      .flags = request.flags,
                      .id = request.id,
                      .client = request.client,
                      .proxy = request.proxy,
                      .tag = request.tag,
                      .size = request.packet.size()});
  if (requests.size() > remembered_requests) requests.pop_front();
  if ((request.flags & rpc::flag_quick_ack) != 0) {
    bytes encoded;
    rpc::encode_simple_ack(request.id, quick_ack_token(request.packet), encoded);
    conn.writer.write(encoded);
  }
  if (const auto command = decode_command(request.packet))
    return run_command(conn, request.id, request.packet, *command);
  if (const auto nonce = parse_req_pq(request.packet))
    answer(conn, request.id,
           make_res_pq(*nonce, net::random_array<16>(),
                       static_cast<std::uint64_t>(net::unix_time()) << 32 | 1));
  else
    answer(conn, request.id, request.packet);
  return true;
}

void fake_telegram::loop::answer(connection& conn, rpc::conn_id client, byte_view first,
                                 byte_view rest) {
  bytes head;
  rpc::encode_proxy_ans(client, first, head);
  conn.writer.write(head, rest);
}

bool fake_telegram::loop::run_command(connection& conn, rpc::conn_id client, byte_view packet,
                                      const fake_command& command) {
  switch (command.action) {
    case fake_command::code::bulk:
      for (std::uint32_t i = 0; i < command.count && conn.queued < max_queue; ++i) {
        answer(conn, client, {}, bulk_packet(i, command.size));
        flush(conn);
      }
      return true;
    case fake_command::code::close_client:
      close_client(conn, client);
      return true;
    case fake_command::code::server_error:
      answer(conn, client, std::array<std::uint8_t, 4>{0x6c, 0xfe, 0xff, 0xff});
      return true;
    case fake_command::code::swallow:
      return true;
    case fake_command::code::close_link:
      return false;
    case fake_command::code::part: {
      const auto size = std::clamp(std::size_t{command.size}, packet_tag_size, max_packet_body);
      answer(conn, client, packet_tag(command.number),
             packet_body(command.number, size - packet_tag_size));
      return true;
    }
    case fake_command::code::upload:
      take_upload(conn, client, packet, command);
      return true;
  }
  return true;
}

void fake_telegram::loop::take_upload(connection& conn, rpc::conn_id client, byte_view packet,
                                      const fake_command& command) {
  const auto body = packet.subspan(fake_command_size);
  const auto size = std::size_t{command.size};
  if (size <= std::min(body.size(), max_packet_body) &&
      std::memcmp(body.data(), packet_body(command.number, size).data(), size) == 0)
    return answer(conn, client, packet_tag(command.number));
  complain(conn, "an upload came changed");
  close_client(conn, client);
}

void fake_telegram::loop::close_client(connection& conn, rpc::conn_id client) {
  bytes encoded;
  rpc::encode_close_ext(client, encoded);
  conn.writer.write(encoded);
  conn.clients.erase(client);
}

}  // namespace mtp::test
