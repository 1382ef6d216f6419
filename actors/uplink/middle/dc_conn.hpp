// One RPC connection to a middle proxy of a DC, shared by many clients. Twin of mtp_down_conn.
//
//   connecting --tcp up--> nonce --nonce ok--> handshake --ok--> ready --closed--> dying --5 s-->
//   ended
//
// A failure before `ready` ends it at once. While dying it answers instead of Telegram, so that no
// client that was assigned to it, or that just sent, is left waiting.
#pragma once

#include <memory>

#include "actors/core/sent_marks.hpp"
#include "actors/uplink/middle/client_books.hpp"
#include "actors/uplink/middle/silence_watch.hpp"
#include "actors/uplink/middle/uplink_side.hpp"
#include "actors/uplink/uplink.hpp"
#include "codecs/telegram/rpc_handshake.hpp"
#include "codecs/telegram/rpc_stream.hpp"
#include "net/dial/dialing.hpp"
#include "net/loop/tcp_stream.hpp"

namespace mtp::actors {

struct dc_conn_options {
  dc_id dc = 0;
  endpoint to;
  /// Whose it is. The connection ends when the pool does.
  caf::actor pool;
  /// The pool's number for this connection.
  std::uint64_t number = 0;
  std::shared_ptr<dc_conn_load> load;
  /// Offer CRC-32C in the handshake.
  bool offer_crc32c = true;
};

/// To the pool: the TCP connection is up; the handshake follows.
struct dc_conn_connected {
  std::uint64_t number = 0;
};
/// To the pool: clients can be assigned.
struct dc_conn_ready {
  std::uint64_t number = 0;
};
/// To the pool: it is of no more use, and why. Sent once, by every connection that does not crash.
struct dc_conn_lost {
  std::uint64_t number = 0;
  std::string reason;
  /// It has carried messages from Telegram.
  bool served = false;
  /// Telegram closed it when it had our encrypted handshake.
  bool in_handshake = false;
  /// It was lost between TCP and the end of the handshake: perhaps the secret, or the address of
  /// ours that the keys are made of, is not what Telegram has.
  bool keys_in_doubt = false;
};

/// Message (request): replies with a `dc_conn_status`.
struct get_dc_conn_status {};
struct dc_conn_status {
  /// connecting, nonce, handshake, ready, paused (its clients take too little), dying. A literal.
  std::string_view stage;
  std::size_t clients = 0;
  /// Sent to clients and not acked by them.
  std::size_t unacked_bytes = 0;
  std::size_t unacked_packets = 0;
  /// Of that, what waits for clients that take too little.
  std::size_t behind_bytes = 0;
  std::size_t behind_packets = 0;
  /// Acks to clients that wait for their bytes to leave; and what clients sent that is not worth an
  /// ack yet, as `credit_of`.
  std::size_t promised_acks = 0;
  std::size_t unpromised = 0;
  /// Bytes for Telegram: those that have left us, and those that have not.
  std::uint64_t sent = 0;
  std::size_t queued = 0;
  std::chrono::seconds age{0};
  /// How long something that was sent has not been answered by anything.
  std::optional<std::chrono::seconds> unanswered;
};

/// Messages:
/// - `open_stream` (request): takes the client, which must be `counted` in its load, on; to it goes
///   `stream_opened`, or `migrate` if dying.
/// - `cancel_stream`: as `close` of that stream.
/// - `frame_from_client`: of a client it has. Unknown streams are ignored: their end is on its way
///   to the client.
/// - `get_dc_conn_status` (request).
/// - `memory_is_scarce` (memory_guard): gives itself up if much waits for Telegram.
/// - `config_changed` (pool): other time-outs count at once.
/// - exit_msg: says goodbye to Telegram for every client, then ends.
/// To clients: `frame_to_client`; `refused` is for data that was not sent.
class dc_conn final : public net::pinned_actor, private net::stream_owner {
 public:
  dc_conn(caf::actor_config& cfg, net::reactor& home, uplink_side& side, dc_conn_options options);
  ~dc_conn() override;

  [[nodiscard]] const char* name() const override { return "dc_conn"; }

 private:
  enum class stage : std::uint8_t { connecting, nonce, handshake, ready, dying };

  [[nodiscard]] const config::uplink_config& settings() const {
    return side_->core.settings(home()).uplink;
  }

  struct client {
    caf::actor handler;
    rpc::client_info info;
  };
  using books = client_books<client>;

  /// What `to` sent: it gets an ack once that has left.
  struct promised_ack {
    stream_id to = 0;
    stream::ack ack;
  };

  struct metric_set;

  // pinned_actor
  caf::behavior start() override;
  bool on_message(caf::mailbox_element& x) override;
  void on_due(net::timer& due) override;
  void stopped() override;

  // stream_owner
  void on_readable(net::byte_stream&) override;
  void on_flush(net::byte_stream&) override;
  void on_sent(net::byte_stream&, std::size_t size) override;
  void on_broken(net::byte_stream&, int error) override;

  // Handshake.
  void on_dialed(net::dial_result result);
  result<void> handle_frame(byte_view body);
  result<void> handle_nonce(byte_view body);
  result<void> handle_handshake(byte_view body);
  void become_ready();
  [[nodiscard]] endpoint as_telegram_sees(endpoint local) const;
  [[nodiscard]] std::string explain(errc code) const;
  [[nodiscard]] std::string explain_end() const;

  // From Telegram.
  void handle_message(const rpc::from_dc& message);
  void deliver(const rpc::proxy_ans& answer);
  void confirm(const rpc::simple_ack& ack);
  void close_client(const rpc::close_ext& close);

  // From clients.
  void handle_open(open_stream& request);
  void handle_data(books::iterator entry, stream::data& data);
  void handle_close(books::iterator entry);
  void forget(books::iterator entry);

  /// Frames what `head_` holds and `tail`; an answer is expected.
  void write(packet_buffer tail = {});
  void frame(packet_buffer&& tail);
  static void send_to(const client& to, stream_id stream, event_to_client event);

  // Flow control towards clients.
  void update_pause();
  [[nodiscard]] std::string_view overflow() const;
  void set_slow_apart();
  void limit_slow();
  void check_pause();
  void drop_slow_client(books::iterator entry, std::string_view why);

  void note_memory();
  void yield_memory();

  // Silence and the end.
  void watch_for_answer();
  void heed_config();
  void check_silence();
  [[nodiscard]] std::uint64_t taken() const;
  void replace_stalled(std::string_view missing);
  void send_ping();
  void lose(std::string reason);
  void flush_now();
  void release_clients();
  [[nodiscard]] dc_conn_status status();

  uplink_side* side_;
  dc_conn_options options_;
  std::unique_ptr<metric_set> metrics_;
  std::unique_ptr<net::dialing> dialing_;
  net::tcp_stream stream_;
  stage stage_ = stage::connecting;
  net::steady_clock::time_point started_;
  /// Deadlines of the handshake and of dying; between: silence.
  net::timer deadline_;
  net::timer pause_timer_;

  std::unique_ptr<rpc::proxy_handshake> handshake_;
  rpc::stream_reader reader_;
  rpc::stream_writer writer_;
  endpoint self_;
  std::int32_t refused_with_ = 0;
  bytes head_;

  books clients_;
  net::steady_clock::time_point paused_since_;
  /// When the pause last took a client, or began.
  net::steady_clock::time_point pause_judged_;
  bool paused_ = false;

  sent_marks<promised_ack> sent_;
  /// As `node_core::memory` was told.
  std::size_t held_ = 0;
  net::steady_clock::time_point write_started_;

  silence_watch silence_;
  bool served_ = false;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_conn_connected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_conn_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_conn_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_dc_conn_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_conn_status)
