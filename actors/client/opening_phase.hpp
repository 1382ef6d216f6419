// The phase of a client that has no DC connection and has asked for one: a new client, or one that
// migrates. It is not read meanwhile; what waits for it goes on leaving.
#pragma once

#include <memory>

#include "actors/client/client_session.hpp"
#include "actors/uplink/uplink.hpp"

namespace mtp::actors {

class client_conn;
struct next_phase;

class opening_phase {
 public:
  explicit opening_phase(std::unique_ptr<client_session> session, bool migrating = false)
      : session_{std::move(session)}, migrating_{migrating} {}

  // Each may lead to a tunnel_phase or a closing_phase.

  [[nodiscard]] next_phase start(client_conn& conn);
  [[nodiscard]] next_phase on_opened(client_conn& conn, const stream_opened& opened);
  [[nodiscard]] next_phase on_frame(client_conn& conn, frame_to_client& frame);
  /// The time to ask again, or to give up.
  [[nodiscard]] next_phase on_timer(client_conn& conn);

  /// `dc_wait_timeout_sec` has changed.
  void rearm(client_conn& conn);
  /// Nobody takes care of the request for `asked`.
  void retry_later(client_conn& conn, stream_id asked);
  void on_sent(const stream::ack& left) noexcept;
  /// Tells the actor that was asked that no connection is wanted any more.
  void leave();

  [[nodiscard]] std::string_view name() const noexcept {
    return migrating_ ? "migrating" : "opening";
  }
  [[nodiscard]] client_session& session() const noexcept { return *session_; }

 private:
  [[nodiscard]] next_phase ask(client_conn& conn);
  /// When it gives up.
  [[nodiscard]] net::steady_clock::time_point until(client_conn& conn) const;
  [[nodiscard]] next_phase on_refused(client_conn& conn, refusal why);

  std::unique_ptr<client_session> session_;
  bool migrating_;
  stream_id stream_ = 0;
  /// Null if there was no actor to ask.
  caf::actor asked_;
  net::steady_clock::time_point since_;
  /// Has left since it asked, and was counted to the DC connection that it asked for.
  stream::ack left_;
};

}  // namespace mtp::actors
