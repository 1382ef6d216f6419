// One client's TCP connection, from accept to close. Twin of mtp_handler.
//
//   handshake --header ok--> opening --stream_opened--> tunnel
//                               ^                          |
//                               +--------- migrate --------+
//   any --(error, timeout, close)--> ended, at once or, if bytes are still owed to the client, by
//   way of `closing`.
#pragma once

#include <memory>
#include <optional>

#include "actors/client/admission.hpp"
#include "actors/client/client_side.hpp"
#include "actors/client/client_status.hpp"
#include "actors/core/sent_marks.hpp"
#include "actors/uplink/stream_messages.hpp"
#include "codecs/client/client_handshake.hpp"
#include "net/loop/tcp_stream.hpp"

namespace mtp::actors {

/// An accepted client.
struct accepted_client {
  net::unique_fd fd;
  endpoint peer;
  /// Of its port.
  ticket taken;
  newcomer_place place = {};
};

/// Messages:
/// - `stream_opened`: its DC connection.
/// - `stream_frame` data, quick_ack, ack, close, migrate, refused: of its stream. Those of others
///   are late and ignored, but `refused` of the previous one: data was lost with it, so the client
///   is closed.
/// - `crowded_out`: closes if its handshake is not done.
/// - exit_msg: flushes what it can at once, tells the DC connection, closes.
class client_conn final : public net::pinned_actor, private net::stream_owner {
 public:
  client_conn(caf::actor_config& cfg, net::reactor& home, client_side& side,
              std::shared_ptr<open_port> port, accepted_client client);

  [[nodiscard]] const char* name() const override { return "client_conn"; }

  /// For its reactor's thread.
  [[nodiscard]] client_status status(net::steady_clock::time_point now) const;
  /// Bytes of memory for what waits, in both directions.
  [[nodiscard]] std::size_t held() const noexcept { return held_; }
  /// Closes it as it is: there is no memory for what waits for it. As a handler of it.
  void drop();
  /// Time-outs have changed. As a handler of it.
  void rearm_timers();
  /// Since when it has to leave, as its port has changed or is gone; nothing if it need not.
  [[nodiscard]] std::optional<net::steady_clock::time_point> retired() const noexcept;

 private:
  enum class stage : std::uint8_t { handshake, opening, tunnel, closing };

  /// What only the handshake needs: an established client takes no memory for it.
  struct handshake {
    client_handshake codec;
    /// Until it has shown that it knows the secret.
    newcomer_place place;
  };

  // pinned_actor
  caf::behavior start() override;
  bool on_message(caf::mailbox_element& x) override;
  void on_due(net::timer& which) override;
  void stopped() override;

  // stream_owner
  void on_readable(net::byte_stream&) override;
  void on_flush(net::byte_stream&) override;
  void on_sent(net::byte_stream&, std::size_t size) override;
  void on_broken(net::byte_stream&, int error) override;

  [[nodiscard]] const config::settings& settings() const { return side_->core.settings(home()); }

  // Handshake.
  void handle_handshake(byte_view data);
  [[nodiscard]] client_facts facts_of(const result<client_handshake::step>& step);
  void answer_hello(const client_handshake::hello_received& received, const secret16& secret);
  void enter_tunnel(client_handshake::established& done_with);
  [[nodiscard]] bool is_newcomer() const noexcept {
    return handshake_ != nullptr && handshake_->place.is_taken();
  }
  void handle_crowded_out();
  [[nodiscard]] bool is_replay(byte_view material);
  void turn_away(cause why);
  void turn_away(const turned_away& away);

  // A DC connection.
  void ask_for_stream();
  void handle_opened(const stream_opened& opened);
  void handle_migrate(const stream::migrate& why);
  void handle_refused(refusal why);
  void retry_later(stream_id asked_for);
  void leave_stream();

  // Client to DC.
  [[nodiscard]] std::size_t window() const noexcept;
  void forward_packets();
  void forward_kept();
  void handle_ack(const stream::ack& ack);

  // DC to client.
  void handle_frame(stream_frame& frame);
  void deliver(stream::data& data);
  [[nodiscard]] config::error_filter filter_of_session() const;
  [[nodiscard]] bool is_filtered(byte_view packet);
  [[nodiscard]] stream::ack unacked() const;
  void acknowledge(std::uint32_t size, std::uint32_t packets);

  // Idle and the end.
  void bump();
  void switch_idle(idle_state to);
  void check_idle();
  void check_progress();
  void watch_sending();
  void close_after_flush();
  void note_memory();

  client_side* side_;
  std::shared_ptr<open_port> port_;
  /// As it was when this client came.
  std::shared_ptr<const port_version> version_;
  client_hook place_;
  endpoint peer_;
  ticket taken_;
  net::unique_fd accepted_;
  net::tcp_stream stream_;
  stage stage_ = stage::handshake;
  framing kind_ = framing::padded;
  bool tls_ = false;
  config::error_filter filter_ = config::error_filter::off;
  /// What it asked for, and what has served it: not the same if that is unknown to Telegram's
  /// lists.
  dc_id dc_ = 0;
  dc_id served_dc_ = 0;
  /// Of its port's version, since it was let in.
  const std::optional<rpc::ad_tag>* tag_ = nullptr;

  std::unique_ptr<handshake> handshake_;
  std::optional<obfuscated_reader> reader_;
  std::optional<obfuscated_writer> writer_;

  stream_id stream_id_ = 0;
  /// The stream it left last, by migrating.
  stream_id previous_stream_ = 0;
  /// Whom it asked for a stream, then who has it.
  caf::actor conn_;
  /// It lives on another reactor.
  bool conn_elsewhere_ = false;
  bool migrating_ = false;
  net::steady_clock::time_point opening_until_;

  /// Sent to the DC connection and not acked, as `credit_of`.
  std::size_t outstanding_ = 0;
  /// Something was sent since anything came back.
  bool awaits_answer_ = false;
  net::steady_clock::time_point last_sent_;

  /// Taken for the client. The DC connection is told when it has left.
  stream::ack unflushed_;
  sent_marks<stream::ack> sent_;
  /// Has left since the DC connection was asked for, and was counted to it.
  stream::ack left_while_opening_;
  net::steady_clock::time_point write_started_;
  /// As `node_core::memory` was told.
  std::size_t held_ = 0;

  net::steady_clock::time_point started_;
  net::steady_clock::time_point last_activity_;
  idle_state idle_ = idle_state::init;
  net::timer idle_timer_;
  /// Opening, retrying, or waiting for the client to take bytes.
  net::timer progress_timer_;
};

}  // namespace mtp::actors
