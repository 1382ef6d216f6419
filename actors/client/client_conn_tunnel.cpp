// A client handler's packets: its DC connection, what passes both ways, and how much may wait.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "actors/core/metric_names.hpp"
#include "codecs/base/overloaded.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// How long a request may be unanswered and still count as in flight when its connection dies.
constexpr auto in_flight_time = 5s;

/// Between attempts to find somebody who gives DC connections.
constexpr auto ask_again_after = 100ms;
/// The pool answers within `dc_wait_timeout`; a handler waits a little longer.
constexpr auto answer_margin = 2s;

/// "l\xfe\xff\xff": -404, Telegram's answer to a packet it can't make sense of.
constexpr std::array<std::uint8_t, 4> server_error{0x6c, 0xfe, 0xff, 0xff};

}  // namespace

// -- a DC connection ----------------------------------------------------------------------------

void client_conn::ask_for_stream() {
  const auto now = home().now();
  if (stage_ != stage::opening) {
    stage_ = stage::opening;
    opening_until_ = now + settings().dc_wait_timeout + answer_margin;
    stream_.want_read(false);
  }
  stream_id_ = side_->core.next_stream(home().index());
  const auto waiting = unacked();
  open_stream order{.stream = stream_id_,
                    .client = caf::actor{this},
                    .request = {.dc = migrating_ ? served_dc_ : dc_,
                                .client = peer_,
                                .kind = kind_,
                                .tag = *tag_,
                                .migrating = migrating_,
                                .waiting_bytes = waiting.size,
                                .waiting_packets = waiting.packets},
                    .reactor = home().index()};
  const auto route = side_->route(order.request, home().index());
  conn_ = route.value_or(nullptr);
  if (!route) return handle_refused(route.error());
  if (conn_ == nullptr) return retry_later(stream_id_);
  progress_timer_.arm(home().timers(), opening_until_ - now);
  left_while_opening_ = {};
  request(conn_, caf::infinite, std::move(order))
      .then([] {}, [this, asked_for = stream_id_](const caf::error&) { retry_later(asked_for); });
}

void client_conn::retry_later(stream_id asked_for) {
  if (stage_ != stage::opening || asked_for != stream_id_) return;
  conn_ = nullptr;
  progress_timer_.arm(home().timers(), ask_again_after);
}

/// Tells whoever has the stream, or was asked for it, that it is not wanted any more.
void client_conn::leave_stream() {
  if (conn_ == nullptr) return;
  if (stage_ == stage::tunnel)
    caf::anon_send(conn_, stream_frame{stream_id_, stream::close{}});
  else if (stage_ == stage::opening)
    caf::anon_send(conn_, cancel_stream{stream_id_});
  conn_ = nullptr;
}

void client_conn::handle_opened(const stream_opened& opened) {
  if (stage_ != stage::opening || opened.stream != stream_id_) {
    caf::anon_send(opened.conn, stream_frame{opened.stream, stream::close{}});
    return;
  }
  stage_ = stage::tunnel;
  conn_ = opened.conn;
  served_dc_ = opened.dc;
  conn_elsewhere_ = opened.reactor != home().index();
  outstanding_ = 0;
  const auto left = std::exchange(left_while_opening_, {});
  acknowledge(left.size, left.packets);
  watch_sending();
  if (std::exchange(migrating_, false)) port_->metrics.migration(dc_, "ok").add();
  forward_kept();
}

void client_conn::handle_migrate(const stream::migrate& why) {
  if (stage_ == stage::opening) return retry_later(stream_id_);
  // In flight: perhaps it reached Telegram, perhaps not. The client must ask again.
  if (awaits_answer_ && home().now() - last_sent_ < in_flight_time + why.deaf)
    return handle_refused(refusal::migrating);
  previous_stream_ = stream_id_;
  migrating_ = true;
  ask_for_stream();
}

void client_conn::handle_refused(refusal why) {
  if (why == refusal::too_slow) {
    // What waits for it is what it is closed for.
    conn_ = nullptr;
    return quit();
  }
  if (stage_ == stage::tunnel || migrating_)
    port_->metrics.migration(dc_, to_string(why)).add();
  else
    port_->metrics.no_dc(dc_, to_string(why)).add();
  spdlog::debug("{}: dc {}: client closed: {}", port_->name, dc_, to_string(why));
  close_after_flush();
}

// -- client to DC -------------------------------------------------------------------------------

/// Smaller when memory is short, but enough for an ack to be promised.
std::size_t client_conn::window() const noexcept {
  return side_->core.memory.pressure() == memory_pressure::none ? client_window : client_window / 4;
}

void client_conn::forward_packets() {
  const auto limit = window();
  while (stage_ == stage::tunnel && outstanding_ < limit) {
    auto next = reader_->next(kind_);
    if (!next) return turn_away(cause_of(next.error()));
    if (!*next) break;
    auto& [packet, quick_ack] = **next;
    if (packet.empty()) continue;
    const auto size = packet.size();
    port_->metrics.packet_size.observe(size);
    auto claim = conn_elsewhere_ ? side_->core.memory.claim_transit(size) : byte_claim{};
    caf::anon_send(conn_, stream_frame{stream_id_, stream::data{.packet = std::move(packet),
                                                                .quick_ack = quick_ack,
                                                                .claim = std::move(claim)}});
    outstanding_ += credit_of(size, 1);
    awaits_answer_ = true;
    last_sent_ = home().now();
  }
  reader_->close();
  stream_.want_read(stage_ == stage::tunnel && outstanding_ < limit);
}

/// Goes on with what came with the handshake, before a migration, or beyond the window.
void client_conn::forward_kept() {
  if (const auto reopened = reader_->feed({}); !reopened)
    return turn_away(cause_of(reopened.error()));
  forward_packets();
  note_memory();
}

void client_conn::handle_ack(const stream::ack& ack) {
  outstanding_ -= std::min(credit_of(ack.size, ack.packets), outstanding_);
  if (stage_ != stage::tunnel || stream_.wants_read() || outstanding_ >= window()) return;
  forward_kept();
}

// -- DC to client -------------------------------------------------------------------------------

bool client_conn::on_message(caf::mailbox_element& x) {
  if (auto* const frame = net::message_as<stream_frame>(x))
    handle_frame(*frame);
  else if (const auto* const opened = net::message_as<stream_opened>(x))
    handle_opened(*opened);
  else if (net::message_as<crowded_out>(x) != nullptr)
    handle_crowded_out();
  else
    return false;
  return true;
}

void client_conn::handle_frame(stream_frame& frame) {
  if (stage_ == stage::closing) return;
  if (frame.stream != stream_id_) {
    const auto* const refused = std::get_if<stream::refused>(&frame.event);
    if (refused == nullptr || frame.stream != previous_stream_) return;
    leave_stream();
    handle_refused(refused->why);
    return;
  }
  std::visit(overloaded{
                 [this](stream::data& data) { deliver(data); },
                 [this](const stream::quick_ack& ack) {
                   encode_quick_ack(kind_, ack.confirm, writer_->plain());
                   stream_.flush_later();
                 },
                 [this](const stream::ack& ack) { handle_ack(ack); },
                 [this](const stream::migrate& why) { handle_migrate(why); },
                 [this](const stream::refused& refused) { handle_refused(refused.why); },
                 [this](const stream::close&) { close_after_flush(); },
                 [](const auto&) { /* opening goes by messages of its own */ },
             },
             frame.event);
}

void client_conn::deliver(stream::data& data) {
  awaits_answer_ = false;
  const auto size = static_cast<std::uint32_t>(data.packet.size());
  // A client that is not told must not be kept waiting either.
  const bool closes = filter_ == config::error_filter::automatic;
  if (is_filtered(data.packet.view())) {
    if (closes) return turn_away(cause::srv_error_filtered);
    port_->metrics.protocol_error(about(cause::srv_error_filtered).name).add();
    return acknowledge(size, 1);
  }
  bump();
  std::array<std::uint8_t, max_padding> padding;
  std::size_t padding_size = 0;
  if (kind_ == framing::padded) {
    padding_size = net::random_between<std::size_t>(0, max_padding);
    padding.fill(static_cast<std::uint8_t>(net::fast_random()()));
  }
  writer_->write(kind_, std::move(data.packet), byte_view{padding}.first(padding_size));
  unflushed_.size += size;
  unflushed_.packets += 1;
  stream_.flush_later();
}

/// A client whose keys have expired learns it from -404. A prober that replays a handshake must not
/// see it; one that has been checked for that is no replay.
config::error_filter client_conn::filter_of_session() const {
  const auto& options = settings();
  const bool was_checked = tls_ || options.replay_check_session_storage;
  const auto chosen = options.server_error_filter;
  return chosen == config::error_filter::automatic && was_checked ? config::error_filter::off
                                                                  : chosen;
}

bool client_conn::is_filtered(byte_view packet) {
  if (filter_ == config::error_filter::off) return false;
  const bool is_error = std::ranges::equal(packet, server_error);
  if (filter_ != config::error_filter::on) filter_ = config::error_filter::off;
  return is_error;
}

/// What was taken for the client and waits for it.
stream::ack client_conn::unacked() const {
  auto sum = unflushed_;
  for (const auto& mark : sent_.pending()) {
    sum.size += mark.due.size;
    sum.packets += mark.due.packets;
  }
  return sum;
}

void client_conn::acknowledge(std::uint32_t size, std::uint32_t packets) {
  if (packets > 0 && stage_ == stage::tunnel)
    caf::anon_send(conn_, stream_frame{stream_id_, stream::ack{.size = size, .packets = packets}});
}

void client_conn::on_flush(net::byte_stream&) {
  write_started_ = net::steady_clock::now();
  if (!writer_) return;  // an answer to a hello is queued already
  sent_.queue(stream_.send_pending(*writer_));
  if (unflushed_.packets > 0) sent_.add(sent_.queued(), std::exchange(unflushed_, {}));
  note_memory();
}

void client_conn::on_sent(net::byte_stream&, std::size_t size) {
  port_->metrics.sent_bytes.add(size);
  port_->metrics.send_duration.observe(
      static_cast<std::uint64_t>((net::steady_clock::now() - write_started_).count()));
  stream::ack left;
  sent_.leave(size, [&left](const stream::ack& due) {
    left.size += due.size;
    left.packets += due.packets;
  });
  if (stage_ == stage::opening) {
    left_while_opening_.size += left.size;
    left_while_opening_.packets += left.packets;
  } else {
    acknowledge(left.size, left.packets);
  }
  if (stage_ == stage::closing && stream_.queued() == 0) return quit();
  // While opening, the timer has another task.
  if (stage_ != stage::opening) watch_sending();
  note_memory();
}

}  // namespace mtp::actors
