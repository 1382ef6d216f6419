#include "actors/client/tunnel_phase.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "codecs/base/overloaded.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// How long a request may be unanswered and still count as in flight when its connection dies.
constexpr auto in_flight_time = 5s;

/// After such a silence records are short again.
constexpr std::uint32_t record_pause_ms = 1000;

/// Smaller when memory is short, but enough for an ack to be promised.
std::size_t window_of(const client_conn& conn) noexcept {
  return conn.side().core.memory.pressure() == memory_pressure::none ? client_window
                                                                     : client_window / 4;
}

}  // namespace

void tunnel_phase::start(client_conn& conn) {
  conn.watch_sending();
  forward_kept(conn);
}

// -- client to DC -------------------------------------------------------------------------------

void tunnel_phase::on_data(client_conn& conn, byte_span data) {
  conn.bump();
  if (const auto fed = session_->reader.feed(data); !fed)
    return conn.turn_away(cause_of(fed.error()));
  forward_packets(conn);
}

void tunnel_phase::forward_packets(client_conn& conn) {
  auto& session = *session_;
  const auto limit = window_of(conn);
  while (outstanding_ < limit) {
    auto next = session.reader.next(session.kind);
    if (!next) return conn.turn_away(cause_of(next.error()));
    if (!*next) break;
    auto& [packet, quick_ack] = **next;
    if (packet.empty()) continue;
    const auto size = packet.size();
    conn.port().metrics.packet_size.observe(size);
    auto claim = elsewhere_ ? conn.side().core.memory.claim_transit(size) : byte_claim{};
    caf::anon_send(dc_conn_, frame_from_client{stream_, stream::data{.packet = std::move(packet),
                                                                     .quick_ack = quick_ack,
                                                                     .claim = std::move(claim)}});
    outstanding_ += credit_of(size, 1);
    session.awaits_answer = true;
    session.last_sent = conn.home().now();
  }
  session.reader.close();
  conn.stream().want_read(outstanding_ < limit);
}

/// Goes on with what came with the handshake, before a migration, or beyond the window.
void tunnel_phase::forward_kept(client_conn& conn) {
  if (const auto reopened = session_->reader.feed({}); !reopened)
    return conn.turn_away(cause_of(reopened.error()));
  forward_packets(conn);
  conn.note_memory();
}

void tunnel_phase::on_ack(client_conn& conn, const stream::ack& ack) {
  outstanding_ -= std::min(credit_of(ack.size, ack.packets), outstanding_);
  if (!conn.stream().wants_read() && outstanding_ < window_of(conn)) forward_kept(conn);
}

// -- DC to client -------------------------------------------------------------------------------

next_phase tunnel_phase::on_frame(client_conn& conn, frame_to_client& frame) {
  if (frame.stream != stream_) {
    const auto* const refused = std::get_if<stream::refused>(&frame.event);
    if (refused == nullptr || frame.stream != session_->left_stream) return {};
    leave();
    return on_refused(conn, refused->why);
  }
  next_phase next;
  std::visit(overloaded{
                 [&](stream::data& data) { deliver(conn, data); },
                 [&](const stream::quick_ack& ack) {
                   session_->write_quick_ack(ack.confirm);
                   conn.stream().flush_later();
                 },
                 [&](const stream::ack& ack) { on_ack(conn, ack); },
                 [&](const stream::migrate& why) { next = on_migrate(conn, why); },
                 [&](const stream::refused& refused) { next = on_refused(conn, refused.why); },
                 [&](const stream::close&) { next = closing_phase{std::move(session_)}; },
             },
             frame.event);
  return next;
}

void tunnel_phase::deliver(client_conn& conn, stream::data& data) {
  session_->awaits_answer = false;
  // A client that is not told must not be kept waiting either.
  const bool closes = session_->filter == config::error_filter::automatic;
  if (session_->is_filtered(data.packet.view())) {
    if (closes) return conn.turn_away(cause::srv_error_filtered);
    conn.port().metrics.protocol_error(about(cause::srv_error_filtered).name).add();
    return acknowledge({.size = static_cast<std::uint32_t>(data.packet.size()), .packets = 1});
  }
  conn.bump();
  const auto now = static_cast<std::uint32_t>(
      std::chrono::floor<std::chrono::milliseconds>(conn.home().now().time_since_epoch()).count());
  if (now - std::exchange(session_->written_ms, now) > record_pause_ms)
    session_->writer.sizes().restart();
  session_->write(std::move(data.packet));
  conn.stream().flush_later();
}

void tunnel_phase::on_sent(client_conn& conn, const stream::ack& left) {
  acknowledge(left);
  conn.watch_sending();
}

void tunnel_phase::acknowledge(const stream::ack& left) {
  if (left.packets > 0 && dc_conn_ != nullptr)
    caf::anon_send(dc_conn_, frame_from_client{stream_, left});
}

// -- the end of the DC connection ---------------------------------------------------------------

next_phase tunnel_phase::on_migrate(client_conn& conn, const stream::migrate& why) {
  // In flight: perhaps it reached Telegram, perhaps not. The client must ask again.
  if (session_->awaits_answer &&
      conn.home().now() - session_->last_sent < in_flight_time + why.deaf)
    return on_refused(conn, refusal::migrating);
  session_->left_stream = stream_;
  return opening_phase{std::move(session_), true};
}

next_phase tunnel_phase::on_refused(client_conn& conn, refusal why) {
  dc_conn_ = nullptr;
  if (why == refusal::too_slow) {
    // What waits for it is what it is closed for.
    conn.quit();
    return {};
  }
  const auto dc = session_->dc;
  conn.port().metrics.migration(dc, to_string(why)).add();
  spdlog::debug("{}: dc {}: client closed: {}", conn.port().name, dc, to_string(why));
  return closing_phase{std::move(session_)};
}

void tunnel_phase::leave() {
  if (const auto dc_conn = std::exchange(dc_conn_, nullptr))
    caf::anon_send(dc_conn, frame_from_client{stream_, stream::close{}});
}

}  // namespace mtp::actors
