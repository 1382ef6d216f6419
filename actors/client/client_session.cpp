#include "actors/client/client_session.hpp"

#include <algorithm>

#include "net/loop/entropy.hpp"

namespace mtp::actors {

namespace {

/// "l\xfe\xff\xff": -404, Telegram's answer to a packet it can't make sense of.
constexpr std::array<std::uint8_t, 4> server_error{0x6c, 0xfe, 0xff, 0xff};

/// A client whose keys have expired learns it from -404. A prober that replays a handshake must not
/// see it. While handshakes are checked for that, no session is a replay. Fake-TLS alone proves
/// nothing: a recording of it can be replayed from its hello on.
config::error_filter filter_of_session(const config::client_config& options) {
  const auto chosen = options.server_error_filter;
  return chosen == config::error_filter::automatic && options.replay_check_session_storage
             ? config::error_filter::off
             : chosen;
}

}  // namespace

client_session::client_session(client_handshake::established& header,
                               const std::optional<rpc::ad_tag>* ad_tag,
                               const config::client_config& options, std::size_t unsent)
    : kind{header.kind},
      tls{header.tls},
      filter{filter_of_session(options)},
      dc{header.dc},
      tag{ad_tag},
      reader{std::move(header.reader)},
      writer{std::move(header.writer)} {
  if (tls)
    writer.size_records({options.record_sizing, static_cast<std::uint16_t>(net::fast_random()())});
  sent_.queue(unsent);
}

bool client_session::is_filtered(byte_view packet) {
  if (filter == config::error_filter::off) return false;
  const bool is_error = std::ranges::equal(packet, server_error);
  if (filter != config::error_filter::on) filter = config::error_filter::off;
  return is_error;
}

void client_session::write(packet_buffer packet) {
  const auto size = static_cast<std::uint32_t>(packet.size());
  std::array<std::uint8_t, max_padding> padding;
  std::size_t padding_size = 0;
  if (kind == framing::padded) {
    padding_size = net::random_between<std::size_t>(0, max_padding);
    padding.fill(static_cast<std::uint8_t>(net::fast_random()()));
  }
  writer.write(kind, std::move(packet), byte_view{padding}.first(padding_size));
  unflushed_.size += size;
  unflushed_.packets += 1;
}

void client_session::write_quick_ack(std::uint32_t confirm) {
  encode_quick_ack(kind, confirm, writer.plain());
}

void client_session::flush(net::byte_stream& stream) {
  sent_.queue(stream.send_pending(writer));
  if (unflushed_.packets > 0) sent_.add(sent_.queued(), std::exchange(unflushed_, {}));
}

stream::ack client_session::leave(std::size_t size) {
  stream::ack left;
  sent_.leave(size, [&left](const stream::ack& due) {
    left.size += due.size;
    left.packets += due.packets;
  });
  return left;
}

stream::ack client_session::unacked() const {
  auto sum = unflushed_;
  for (const auto& mark : sent_.pending()) {
    sum.size += mark.due.size;
    sum.packets += mark.due.packets;
  }
  return sum;
}

}  // namespace mtp::actors
