// One client's connection, from accept to close. Twin of mtp_handler.
//
//   handshake --header ok--> opening --stream_opened--> tunnel
//                               ^                          |
//                               +--------- migrate --------+
//   handshake --no client's--> fronted: the cover site answers (relay_phase)
//   any --(error, timeout, close)--> ended, at once or, if bytes are still owed to the client, by
//   way of closing.
//
// Here is what all phases have: the stream, timers, memory, the end. Each phase has a file of
// its own (client_phase.hpp).
#pragma once

#include <memory>
#include <optional>

#include "actors/client/client_phase.hpp"
#include "actors/client/client_side.hpp"
#include "actors/client/client_status.hpp"
#include "net/loop/pinned_actor.hpp"
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
/// - `frame_to_client`: of its stream. Those of others are late and ignored, but `refused` of the
///   previous one: data was lost with it, so the client is closed.
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

  // -- for its phases ---------------------------------------------------------------------------

  [[nodiscard]] client_side& side() const noexcept { return *side_; }
  [[nodiscard]] open_port& port() const noexcept { return *port_; }
  [[nodiscard]] const config::client_config& settings() const {
    return side_->core.settings(home()).client;
  }
  /// Of its port, as they were when this client came.
  [[nodiscard]] const config::port_settings& port_settings() const noexcept {
    return version_->settings;
  }
  [[nodiscard]] const endpoint& peer() const noexcept { return peer_; }
  /// As a proxy in front tells.
  void set_peer(const endpoint& peer) noexcept { peer_ = peer; }
  /// Our end of the connection.
  [[nodiscard]] endpoint local() const;
  [[nodiscard]] net::byte_stream& stream() noexcept { return stream_; }
  [[nodiscard]] ticket& taken() noexcept { return taken_; }
  /// It is a client: it may be idle for long.
  void handshake_done();
  /// The client has sent something, or is sent it.
  void bump();
  /// The only timer of phases; anew.
  void arm_progress(net::steady_clock::duration delay) {
    progress_timer_.arm(home().timers(), delay);
  }
  void stop_progress() noexcept { progress_timer_.cancel(); }
  /// Bytes that wait for the client do so for a limited time; what it takes starts the time anew.
  /// Not while opening, when the timer has another task.
  void watch_sending();
  /// Hands its socket over, to be closed without a RST unless its new owner says so. The idle timer
  /// ends.
  [[nodiscard]] net::unique_fd release_socket();
  void handle_cover_speaks();
  void handle_cover_unreachable(int error, const std::string& why);
  void handle_cover_over();
  /// No actor takes care of a request for a stream.
  void handle_unanswered(stream_id asked);
  void note_memory();
  /// Leaves the DC connection and ends, after what the client is to see.
  void turn_away(cause why);
  void turn_away(const turned_away& away);

 private:
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

  void follow(next_phase next);
  /// Null in the handshake.
  [[nodiscard]] client_session* session() const noexcept;
  void leave_stream();
  void handle_frame(frame_to_client& frame);
  void handle_opened(const stream_opened& opened);
  void handle_crowded_out();
  void handle_visit_evicted();
  void handle_end(int error);
  void switch_idle(idle_state to);
  void check_idle();
  void check_progress();

  client_side* side_;
  std::shared_ptr<open_port> port_;
  /// As it was when this client came.
  std::shared_ptr<const port_version> version_;
  client_hook place_;
  endpoint peer_;
  ticket taken_;
  net::tcp_stream stream_;
  client_phase phase_;
  idle_state idle_ = idle_state::init;
  /// As its farewell says; nothing if there is none.
  std::optional<bool> resets_;
  /// As `node_core::memory` was told.
  std::size_t held_ = 0;
  net::steady_clock::time_point started_;
  net::steady_clock::time_point last_activity_;
  net::steady_clock::time_point write_started_;
  net::timer idle_timer_;
  /// Asks again for a stream or gives up, or waits for the client to take bytes.
  net::timer progress_timer_;
};

}  // namespace mtp::actors
