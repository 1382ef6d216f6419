#include "actors/client/client_conn.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/metric_names.hpp"
#include "codecs/base/overloaded.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::actors {

client_conn::client_conn(caf::actor_config& cfg, net::reactor& home, client_side& side,
                         std::shared_ptr<open_port> port, accepted_client client)
    : pinned_actor{cfg, home},
      side_{&side},
      port_{std::move(port)},
      version_{port_->version.get()},
      peer_{client.peer},
      taken_{std::move(client.taken)},
      stream_{*this, *this, std::move(client.fd)},
      phase_{handshake_phase{known_secrets(side.core.settings(home).client, version_->settings),
                             std::move(client.place)}},
      idle_timer_{*this},
      progress_timer_{*this} {}

caf::behavior client_conn::start() {
  place_.handler = this;
  side_->clients[home().index()].join(place_);
  port_->metrics.in_connection.add();
  if (spdlog::should_log(spdlog::level::debug))  // writing the address costs more than the rest
    spdlog::debug("{}: connection from {}", port_->name, to_string(peer_));
  started_ = last_activity_ = home().now();
  std::get<handshake_phase>(phase_).start(*this);
  idle_timer_.arm(home().timers(), settings().init_timeout);
  stream_.start();
  // The others of this reactor may have been stopped already.
  if (side_->core.stopping) quit(caf::exit_reason::user_shutdown);
  // `on_message` takes them all: an actor has a behavior, but this one need not be its own.
  static const caf::behavior nothing_else{[](const caf::unit_t&) {}};
  return nothing_else;
}

// -- events -------------------------------------------------------------------------------------

void client_conn::follow(next_phase next) {
  while (next) {
    phase_ = std::move(*next);
    next = {};
    std::visit(overloaded{
                   [](handshake_phase&) { /* the first one */ },
                   [&](opening_phase& opening) { next = opening.start(*this); },
                   [&](auto& phase) { phase.start(*this); },
               },
               phase_);
  }
}

void client_conn::on_readable(net::byte_stream&) {
  const auto limit = std::min(settings().upstream_socket_buffer_size, home().scratch().size());
  const auto buffer = home().scratch().first(limit);
  const auto got = stream_.read(buffer);
  if (got.ended) return handle_end(got.error);
  if (got.size == 0) return;
  port_->metrics.received_bytes.add(got.size);
  port_->metrics.read_size.observe(got.size);
  const auto data = buffer.first(got.size);
  if (auto* const tunnel = std::get_if<tunnel_phase>(&phase_))
    tunnel->on_data(*this, data);
  else if (auto* const handshake = std::get_if<handshake_phase>(&phase_))
    follow(handshake->on_data(*this, data));
  note_memory();
}

void client_conn::handle_end(int error) {
  if (auto* const handshake = std::get_if<handshake_phase>(&phase_);
      handshake != nullptr && error == 0)
    return follow(handshake->on_end(*this));
  quit();
}

void client_conn::on_flush(net::byte_stream&) {
  write_started_ = net::steady_clock::now();
  auto* const established = session();
  if (established == nullptr) return;  // an answer to a hello is queued already
  established->flush(stream_);
  note_memory();
}

void client_conn::on_sent(net::byte_stream&, std::size_t size) {
  port_->metrics.sent_bytes.add(size);
  port_->metrics.send_duration.observe(
      static_cast<std::uint64_t>((net::steady_clock::now() - write_started_).count()));
  std::visit(overloaded{
                 [this](handshake_phase&) { watch_sending(); },
                 [](relay_phase&) { /* its socket is the relay's */ },
                 [&](opening_phase& opening) { opening.on_sent(opening.session().leave(size)); },
                 [&](tunnel_phase& tunnel) { tunnel.on_sent(*this, tunnel.session().leave(size)); },
                 [this](closing_phase& closing) { closing.on_sent(*this); },
             },
             phase_);
  note_memory();
}

void client_conn::on_broken(net::byte_stream&, int error) {
  port_->metrics.send_error(errno_label(error)).add();
  quit();
}

bool client_conn::on_message(caf::mailbox_element& x) {
  if (auto* const frame = net::message_as<frame_to_client>(x))
    handle_frame(*frame);
  else if (const auto* const opened = net::message_as<stream_opened>(x))
    handle_opened(*opened);
  else if (net::message_as<crowded_out>(x) != nullptr)
    handle_crowded_out();
  else if (net::message_as<visit_evicted>(x) != nullptr)
    handle_visit_evicted();
  else
    return false;
  return true;
}

void client_conn::handle_frame(frame_to_client& frame) {
  if (auto* const tunnel = std::get_if<tunnel_phase>(&phase_))
    follow(tunnel->on_frame(*this, frame));
  else if (auto* const opening = std::get_if<opening_phase>(&phase_))
    follow(opening->on_frame(*this, frame));
}

void client_conn::handle_opened(const stream_opened& opened) {
  if (auto* const opening = std::get_if<opening_phase>(&phase_))
    return follow(opening->on_opened(*this, opened));
  caf::anon_send(opened.conn, frame_from_client{opened.stream, stream::close{}});
}

void client_conn::handle_unanswered(stream_id asked) {
  if (auto* const opening = std::get_if<opening_phase>(&phase_)) opening->retry_later(*this, asked);
}

void client_conn::handle_crowded_out() {
  const auto is_newcomer = [this] {
    const auto* const handshake = std::get_if<handshake_phase>(&phase_);
    return handshake != nullptr && handshake->is_newcomer();
  };
  // It may have shown what it is, in bytes that have not been read yet.
  if (is_newcomer() && stream_.has_unread()) on_readable(stream_);
  if (is_newcomer()) std::get<handshake_phase>(phase_).on_crowded_out(*this);
}

// -- idle and the end ---------------------------------------------------------------------------

void client_conn::handshake_done() {
  last_activity_ = home().now();
  switch_idle(idle_state::hibernate);
}

void client_conn::bump() {
  last_activity_ = home().now();
  if (idle_ == idle_state::stop) switch_idle(idle_state::hibernate);
}

void client_conn::switch_idle(idle_state to) {
  port_->metrics.timer_switch(idle_, to).add();
  idle_ = to;
  const auto& options = settings();
  const std::chrono::seconds limit =
      to == idle_state::hibernate ? options.hibernate_timeout : options.ready_timeout;
  idle_timer_.arm(home().timers(), last_activity_ + limit - home().now());
}

void client_conn::check_idle() {
  const auto& options = settings();
  const auto idle = home().now() - last_activity_;
  if (const auto* const handshake = std::get_if<handshake_phase>(&phase_)) {
    // A cover site that has what came so far has time-outs of its own.
    if (const auto left = handshake->cover_time_left(*this); left.count() > 0) {
      idle_timer_.arm(home().timers(), left);
      return;
    }
  }
  const std::chrono::seconds limit =
      idle_ == idle_state::hibernate ? options.hibernate_timeout : options.ready_timeout;
  if (idle_ != idle_state::init && idle < limit) {
    // Activity only leaves its time: the timer catches up here.
    idle_timer_.arm(home().timers(), limit - idle);
    return;
  }
  if (idle_ == idle_state::hibernate) {
    port_->metrics.inactive_hibernate.add();
    if (auto* const established = session()) established->shrink();
    return switch_idle(idle_state::stop);
  }
  port_->metrics.inactive_timeout.add();
  quit();
}

void client_conn::on_due(net::timer& due) {
  if (&due == &idle_timer_)
    check_idle();
  else
    check_progress();
}

void client_conn::check_progress() {
  if (auto* const opening = std::get_if<opening_phase>(&phase_))
    return follow(opening->on_timer(*this));
  if (auto* const relay = std::get_if<relay_phase>(&phase_)) return relay->on_timer(*this);
  // Until its hello is answered nothing is sent that could wait.
  if (auto* const handshake = std::get_if<handshake_phase>(&phase_);
      handshake != nullptr && stream_.queued() == 0)
    return follow(handshake->on_silence(*this));
  port_->metrics.send_error("timeout").add();
  quit();
}

void client_conn::watch_sending() {
  if (stream_.queued() == 0 || settings().upstream_send_timeout.count() == 0)
    progress_timer_.cancel();
  else
    progress_timer_.arm(home().timers(), settings().upstream_send_timeout);
}

void client_conn::rearm_timers() {
  if (auto* const relay = std::get_if<relay_phase>(&phase_)) return relay->on_timer(*this);
  if (idle_ == idle_state::init)
    idle_timer_.arm(home().timers(), started_ + settings().init_timeout - home().now());
  else
    check_idle();
  if (auto* const opening = std::get_if<opening_phase>(&phase_))
    opening->rearm(*this);
  else if (session() != nullptr)
    watch_sending();
}

void client_conn::turn_away(cause why) {
  turn_away({.why = why, .how = farewell_of(why, settings(), progress_made::established)});
}

void client_conn::turn_away(const turned_away& away) {
  const auto& [why, how] = away;
  leave_stream();
  port_->metrics.protocol_error(about(why).name).add();
  if (spdlog::should_log(spdlog::level::debug))
    spdlog::debug("{}: {}: {} ({})", port_->name, to_string(peer_), about(why).name,
                  about(why).text);
  resets_ = how.reset;
  if (!how.alert.empty()) stream_.send(to_bytes(how.alert));
  if (how.sealed_alert)
    stream_.send(make_sealed_tls_alert(net::random_array<sealed_tls_alert_size>()));
  quit();
}

void client_conn::drop() {
  spdlog::debug("{}: {}: closed for the memory it holds: {} bytes", port_->name, to_string(peer_),
                held_);
  leave_stream();
  quit();
}

void client_conn::leave_stream() {
  if (auto* const tunnel = std::get_if<tunnel_phase>(&phase_))
    tunnel->leave();
  else if (auto* const opening = std::get_if<opening_phase>(&phase_))
    opening->leave();
}

void client_conn::stopped() {
  side_->clients[home().index()].leave(place_);
  leave_stream();
  if (auto* const established = session()) stream_.send_pending(established->writer);
  stream_.write_now();
  if (resets_.value_or(closes_with_reset(settings(), session() != nullptr)))
    stream_.reset_on_close(true);
  stream_.close();
  side_->core.memory.change(home().index(), std::exchange(held_, 0), 0);
  idle_timer_.cancel();
  progress_timer_.cancel();
  if (auto* const handshake = std::get_if<handshake_phase>(&phase_)) handshake->stop();
  if (auto* const relay = std::get_if<relay_phase>(&phase_)) relay->stop(*this);
  taken_.release();
  port_->metrics.in_connection_closed.add();
  port_->metrics.session_lifetime.observe(
      static_cast<std::uint64_t>((home().now() - started_).count()));
}

// -- what others see ----------------------------------------------------------------------------

client_session* client_conn::session() const noexcept {
  return std::visit(overloaded{
                        [](const handshake_phase&) -> client_session* { return nullptr; },
                        [](const relay_phase&) -> client_session* { return nullptr; },
                        [](const auto& phase) { return &phase.session(); },
                    },
                    phase_);
}

void client_conn::note_memory() {
  if (!stream_.is_open()) return;
  auto now = stream_.queued();
  if (const auto* const established = session())
    now += established->held();
  else
    now += std::get<handshake_phase>(phase_).held();
  side_->core.memory.change(home().index(), std::exchange(held_, now), now);
}

std::optional<net::steady_clock::time_point> client_conn::retired() const noexcept {
  const auto since = version_->retired.load(std::memory_order_relaxed);
  return since != net::steady_clock::time_point{} ? std::optional{since} : std::nullopt;
}

client_status client_conn::status(net::steady_clock::time_point now) const {
  const auto seconds = [now](net::steady_clock::time_point since) {
    return std::chrono::duration_cast<std::chrono::seconds>(now - since);
  };
  client_status status{.group = {.listener = port_->name},
                       .peer = peer_,
                       .age = seconds(started_),
                       .idle = seconds(last_activity_),
                       .queued = stream_.queued()};
  status.group.stage = std::visit([](const auto& phase) { return phase.name(); }, phase_);
  if (const auto* const tunnel = std::get_if<tunnel_phase>(&phase_))
    status.outstanding = tunnel->outstanding();
  if (const auto* const known = session()) {
    status.queued += known->writer.pending();
    status.group.protocol = protocol_name(known->kind, known->tls);
    status.group.dc = known->dc;
  }
  return status;
}

}  // namespace mtp::actors
