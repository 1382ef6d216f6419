// The state of a client from its header to its end, across DC connections: the keys and framing of
// its two streams, and the packets for it that have not left.
#pragma once

#include <optional>

#include "actors/core/sent_marks.hpp"
#include "codecs/client/client_handshake.hpp"
#include "codecs/node_link/stream_events.hpp"
#include "config/settings.hpp"
#include "net/loop/byte_stream.hpp"
#include "net/loop/timer_wheel.hpp"

namespace mtp::actors {

struct client_session {
  /// `unsent` bytes of the handshake's answer are still queued. `ad_tag` is that of the client's
  /// port and must outlive this.
  client_session(client_handshake::established& header, const std::optional<rpc::ad_tag>* ad_tag,
                 const config::client_config& options, std::size_t unsent);

  /// Whether a packet from Telegram is the -404 that the client must not see. To be asked once for
  /// each packet, in order.
  [[nodiscard]] bool is_filtered(byte_view packet);
  /// Frames a packet for the client; it leaves with the next `flush`.
  void write(packet_buffer packet);
  void write_quick_ack(std::uint32_t confirm);
  /// Queues the packets written on `stream`.
  void flush(net::byte_stream& stream);
  /// `size` queued bytes have left. Returns the ack that the DC connection can be sent for them.
  [[nodiscard]] stream::ack leave(std::size_t size);
  /// Bytes and packets that were written for the client and have not left.
  [[nodiscard]] stream::ack unacked() const;
  /// Bytes of memory for data that waits in either direction, without queued bytes.
  [[nodiscard]] std::size_t held() const noexcept { return reader.held() + writer.pending(); }

  /// Gives unused memory back.
  void shrink() { sent_.shrink(); }

  framing kind;
  bool tls;
  config::error_filter filter;
  /// Something was sent since anything came back; at `last_sent`.
  bool awaits_answer = false;
  /// The DC that the client asked for, and the DC that has served it: another one if Telegram's
  /// lists do not have the former.
  dc_id dc;
  dc_id served_dc = 0;
  /// When a packet was last written for the client, in ms of the steady clock; it wraps. Here it
  /// fits between two others.
  std::uint32_t written_ms = 0;
  const std::optional<rpc::ad_tag>* tag;
  /// The stream that it left last, by migrating.
  stream_id left_stream = 0;
  net::steady_clock::time_point last_sent;
  obfuscated_reader reader;
  obfuscated_writer writer;

 private:
  /// Written and not queued.
  stream::ack unflushed_;
  sent_marks<stream::ack> sent_;
};

}  // namespace mtp::actors
