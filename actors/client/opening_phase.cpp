#include "actors/client/opening_phase.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "codecs/base/overloaded.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Between attempts to find somebody who gives DC connections.
constexpr auto ask_again_after = 100ms;
/// The pool answers within `dc_wait_timeout`; a handler waits a little longer.
constexpr auto answer_margin = 2s;

}  // namespace

next_phase opening_phase::start(client_conn& conn) {
  since_ = conn.home().now();
  conn.stream().want_read(false);
  return ask(conn);
}

next_phase opening_phase::ask(client_conn& conn) {
  const auto reactor = conn.home().index();
  auto& side = conn.side();
  stream_ = side.core.next_stream(reactor);
  const auto waiting = session_->unacked();
  open_stream order{.stream = stream_,
                    .client = caf::actor{&conn},
                    .request = {.dc = migrating_ ? session_->served_dc : session_->dc,
                                .client = conn.peer(),
                                .kind = session_->kind,
                                .tag = *session_->tag,
                                .migrating = migrating_,
                                .waiting_bytes = waiting.size,
                                .waiting_packets = waiting.packets},
                    .reactor = reactor};
  auto reserved = side.uplink->reserve(order.request, reactor);
  if (!reserved) return on_refused(conn, reserved.error());
  if (!*reserved) {
    retry_later(conn, stream_);
    return {};
  }
  asked_ = std::move(*reserved).redeem(order);
  conn.arm_progress(until(conn) - conn.home().now());
  left_ = {};
  // The answer may take as long as the DC takes to be reached: `on_timer` gives up.
  conn.request(asked_, caf::infinite, std::move(order))
      .then([] {}, [&conn, asked = stream_](const caf::error&) { conn.handle_unanswered(asked); });
  return {};
}

void opening_phase::rearm(client_conn& conn) {
  if (asked_ != nullptr) conn.arm_progress(until(conn) - conn.home().now());
}

net::steady_clock::time_point opening_phase::until(client_conn& conn) const {
  const auto& limits = conn.side().core.settings(conn.home()).uplink;
  return since_ + limits.dc_wait_timeout + answer_margin;
}

void opening_phase::retry_later(client_conn& conn, stream_id asked) {
  if (asked != stream_) return;
  asked_ = nullptr;
  conn.arm_progress(ask_again_after);
}

next_phase opening_phase::on_timer(client_conn& conn) {
  // Nobody had it: somebody may by now.
  if (asked_ == nullptr && conn.home().now() < until(conn)) return ask(conn);
  leave();
  return on_refused(conn, refusal::no_conn);
}

next_phase opening_phase::on_opened(client_conn& conn, const stream_opened& opened) {
  if (opened.stream != stream_) {
    caf::anon_send(opened.conn, frame_from_client{opened.stream, stream::close{}});
    return {};
  }
  session_->served_dc = opened.dc;
  if (migrating_) conn.port().metrics.migration(session_->dc, "ok").add();
  tunnel_phase tunnel{std::move(session_), stream_, opened.conn,
                      opened.reactor != conn.home().index()};
  tunnel.acknowledge(left_);
  return tunnel;
}

next_phase opening_phase::on_frame(client_conn& conn, frame_to_client& frame) {
  if (frame.stream != stream_) {
    const auto* const refused = std::get_if<stream::refused>(&frame.event);
    if (refused == nullptr || frame.stream != session_->left_stream) return {};
    leave();
    return on_refused(conn, refused->why);
  }
  next_phase next;
  std::visit(overloaded{
                 [&](const stream::refused& refused) { next = on_refused(conn, refused.why); },
                 [&](const stream::close&) { next = closing_phase{std::move(session_)}; },
                 [&](const stream::migrate&) { retry_later(conn, stream_); },
                 // Before `stream_opened` only a back that breaks the rules says these.
                 [](const stream::data&) {},
                 [](const stream::ack&) {},
                 [](const stream::quick_ack&) {},
             },
             frame.event);
  return next;
}

next_phase opening_phase::on_refused(client_conn& conn, refusal why) {
  asked_ = nullptr;
  if (why == refusal::too_slow) {
    conn.quit();
    return {};
  }
  auto& metrics = conn.port().metrics;
  const auto dc = session_->dc;
  if (migrating_)
    metrics.migration(dc, to_string(why)).add();
  else
    metrics.no_dc(dc, to_string(why)).add();
  spdlog::debug("{}: dc {}: client closed: {}", conn.port().name, dc, to_string(why));
  return closing_phase{std::move(session_)};
}

void opening_phase::on_sent(const stream::ack& left) noexcept {
  left_.size += left.size;
  left_.packets += left.packets;
}

void opening_phase::leave() {
  if (const auto asked = std::exchange(asked_, nullptr))
    caf::anon_send(asked, cancel_stream{stream_});
}

}  // namespace mtp::actors
