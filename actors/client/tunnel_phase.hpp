// The phase of a client that has a DC connection: packets pass both ways, and acks limit how much
// may wait.
#pragma once

#include <memory>

#include "actors/client/client_session.hpp"
#include "actors/uplink/uplink.hpp"

namespace mtp::actors {

class client_conn;
struct next_phase;

class tunnel_phase {
 public:
  [[nodiscard]] static std::string_view name() noexcept { return "tunnel"; }

  /// `elsewhere`: the DC connection lives on another reactor.
  tunnel_phase(std::unique_ptr<client_session> session, stream_id stream, caf::actor conn,
               bool elsewhere)
      : session_{std::move(session)},
        stream_{stream},
        dc_conn_{std::move(conn)},
        elsewhere_{elsewhere} {}

  /// Forwards the packets that came before.
  void start(client_conn& conn);
  void on_data(client_conn& conn, byte_span data);
  /// The next phase is an opening_phase if the client migrates, or a closing_phase.
  [[nodiscard]] next_phase on_frame(client_conn& conn, frame_to_client& frame);
  void on_sent(client_conn& conn, const stream::ack& left);
  /// Packets have left for the client.
  void acknowledge(const stream::ack& left);
  /// Tells the DC connection that the client is gone.
  void leave();

  /// Sent to the DC connection and not acked, as `credit_of`.
  [[nodiscard]] std::size_t outstanding() const noexcept { return outstanding_; }
  [[nodiscard]] client_session& session() const noexcept { return *session_; }

 private:
  void forward_packets(client_conn& conn);
  void forward_kept(client_conn& conn);
  void on_ack(client_conn& conn, const stream::ack& ack);
  void deliver(client_conn& conn, stream::data& data);
  [[nodiscard]] next_phase on_migrate(client_conn& conn, const stream::migrate& why);
  [[nodiscard]] next_phase on_refused(client_conn& conn, refusal why);

  std::unique_ptr<client_session> session_;
  stream_id stream_;
  /// Null once the client has left it.
  caf::actor dc_conn_;
  std::size_t outstanding_ = 0;
  bool elsewhere_;
};

}  // namespace mtp::actors
