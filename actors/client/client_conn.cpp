// The connection: handshake, idling, end. Packets are in client_tunnel.cpp.
#include "actors/client/client_conn.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/metric_names.hpp"
#include "codecs/base/overloaded.hpp"
#include "codecs/base/text.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// What a site sends behind ServerHello: certificates and the like. One size a secret, also after a
/// restart, as one site has one certificate chain, give or take the length of a signature.
std::size_t encrypted_flight_size(const secret16& secret) {
  constexpr std::size_t shortest = 2500;
  constexpr std::size_t spread = 2000;
  const auto digest = sha256({as_bytes("encrypted flight"), secret});
  return shortest + load_le<std::uint32_t>(digest) % spread +
         net::random_between<std::size_t>(0, 2);
}

/// As metrics name it.
std::string_view protocol_name(framing kind, bool tls) noexcept {
  return tls ? "mtp_secure_fake_tls" : to_string(kind);
}

}  // namespace

client_conn::client_conn(caf::actor_config& cfg, net::reactor& home, client_side& side,
                         std::shared_ptr<open_port> port, accepted_client client)
    : pinned_actor{cfg, home},
      side_{&side},
      port_{std::move(port)},
      version_{port_->version.get()},
      peer_{client.peer},
      taken_{std::move(client.taken)},
      accepted_{std::move(client.fd)},
      stream_{*this, *this},
      handshake_{new handshake{
          .codec = client_handshake{known_secrets(side.core.settings(home), version_->settings)},
          .place = std::move(client.place)}},
      idle_timer_{*this},
      progress_timer_{*this} {}

caf::behavior client_conn::start() {
  place_.handler = this;
  side_->clients[home().index()].join(place_);
  port_->metrics.in_connection.add();
  if (spdlog::should_log(spdlog::level::debug))  // writing the address costs more than the rest
    spdlog::debug("{}: connection from {}", port_->name, to_string(peer_));
  const auto& options = settings();
  started_ = last_activity_ = home().now();
  handshake_->place.start(caf::actor{this});
  idle_timer_.arm(home().timers(), options.init_timeout);
  stream_.adopt(std::move(accepted_));
  // The others of this reactor may have been stopped already.
  if (side_->core.stopping) quit(caf::exit_reason::user_shutdown);
  // `on_message` takes them all: an actor has a behavior, but this one need not be its own.
  static const caf::behavior nothing_else{[](const caf::unit_t&) {}};
  return nothing_else;
}

void client_conn::on_readable(net::byte_stream&) {
  const auto limit = std::min(settings().upstream_socket_buffer_size, home().scratch().size());
  const auto buffer = home().scratch().first(limit);
  const auto got = stream_.read(buffer);
  if (got.ended) return quit();
  if (got.size == 0) return;
  port_->metrics.received_bytes.add(got.size);
  port_->metrics.read_size.observe(got.size);
  const auto data = buffer.first(got.size);
  if (stage_ == stage::handshake) {
    handle_handshake(data);
    return note_memory();
  }
  bump();
  if (const auto fed = reader_->feed(data); !fed) return turn_away(cause_of(fed.error()));
  forward_packets();
  note_memory();
}

// -- handshake ----------------------------------------------------------------------------------

void client_conn::handle_handshake(byte_view data) {
  while (stage_ == stage::handshake) {
    auto step = handshake_->codec.feed(std::exchange(data, {}));
    if (step && std::holds_alternative<client_handshake::incomplete>(*step)) return;
    auto judged = judge(facts_of(step), settings(), version_->settings, std::move(taken_));
    if (const auto* const away = std::get_if<turned_away>(&judged)) return turn_away(*away);
    auto& let_in = std::get<admitted>(judged);
    taken_ = std::move(let_in.taken);
    tag_ = let_in.tag;
    if (const auto* const received = std::get_if<client_handshake::hello_received>(&*step))
      answer_hello(*received, *let_in.secret);
    else
      enter_tunnel(std::get<client_handshake::established>(*step));
  }
}

/// For admission, of a step that is not incomplete. A replay is looked for once only.
client_facts client_conn::facts_of(const result<client_handshake::step>& step) {
  const auto& codec = handshake_->codec;
  client_facts facts{.tls = codec.is_tls(), .sni = codec.sni()};
  if (!step) {
    facts.error = step.error();
  } else if (const auto* const received = std::get_if<client_handshake::hello_received>(&*step)) {
    // Not the last 4 bytes, which hold the clock: nothing protects them.
    facts.is_replay = is_replay(byte_view{received->hello->random}.first(client_digest_size));
  } else {
    const auto& header = std::get<client_handshake::established>(*step);
    facts.kind = header.kind;
    // A fake-TLS client was checked by its hello.
    facts.is_replay = !header.tls && is_replay(header.header_key);
  }
  return facts;
}

void client_conn::handle_crowded_out() {
  // It may have shown what it is, and nobody has read that yet.
  if (is_newcomer() && net::has_unread(stream_.fd())) on_readable(stream_);
  if (!is_newcomer() || stage_ != stage::handshake) return;
  turn_away(cause::crowded_out);
}

void client_conn::answer_hello(const client_handshake::hello_received& received,
                               const secret16& secret) {
  handshake_->place.leave();
  spdlog::debug("{}: fake-TLS hello for {}, client clock {:+} s", port_->name,
                printable(received.hello->sni),
                std::int64_t{received.client_time} - net::unix_time());
  bytes encrypted(encrypted_flight_size(secret));
  net::fill_random(encrypted);
  server_flight_random random{
      .x25519_key = net::random_x25519_share(), .mlkem_ciphertext = {}, .encrypted = encrypted};
  if (received.hello->x25519_mlkem768) net::fill_random(random.mlkem_ciphertext);
  auto flight = handshake_->codec.answer(random);
  sent_.queue(flight.size());
  stream_.send(std::move(flight));
}

void client_conn::enter_tunnel(client_handshake::established& done_with) {
  port_->metrics.protocol_ok(protocol_name(done_with.kind, done_with.tls)).add();
  if (settings().reset_close_socket == config::reset_close::handshake_error)
    net::set_reset_on_close(stream_.fd(), false);
  kind_ = done_with.kind;
  tls_ = done_with.tls;
  dc_ = done_with.dc;
  filter_ = filter_of_session();
  reader_.emplace(std::move(done_with.reader));
  writer_.emplace(std::move(done_with.writer));
  handshake_.reset();
  last_activity_ = home().now();
  switch_idle(idle_state::hibernate);
  ask_for_stream();
}

bool client_conn::is_replay(byte_view material) {
  return settings().replay_check_session_storage && !side_->replays.add(material, net::unix_time());
}

void client_conn::turn_away(cause why) {
  turn_away({.why = why, .how = farewell_of(why, settings(), stage_ != stage::handshake)});
}

void client_conn::turn_away(const turned_away& away) {
  const auto& [why, how] = away;
  leave_stream();
  stage_ = stage::closing;
  port_->metrics.protocol_error(about(why).name).add();
  if (spdlog::should_log(spdlog::level::debug))
    spdlog::debug("{}: {}: {} ({})", port_->name, to_string(peer_), about(why).name,
                  about(why).text);
  net::set_reset_on_close(stream_.fd(), how.reset);
  if (!how.alert.empty()) stream_.send(to_bytes(how.alert));
  quit();
}

// -- idle and the end ---------------------------------------------------------------------------

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
  const std::chrono::seconds limit =
      idle_ == idle_state::hibernate ? options.hibernate_timeout : options.ready_timeout;
  if (idle_ != idle_state::init && idle < limit) {
    // Activity only leaves its time: the timer catches up here.
    idle_timer_.arm(home().timers(), limit - idle);
    return;
  }
  if (idle_ == idle_state::hibernate) {
    port_->metrics.inactive_hibernate.add();
    sent_.shrink();
    return switch_idle(idle_state::stop);
  }
  port_->metrics.inactive_timeout.add();
  quit();
}

void client_conn::on_due(net::timer& which) {
  if (&which == &idle_timer_)
    check_idle();
  else
    check_progress();
}

void client_conn::check_progress() {
  if (stage_ == stage::opening) {
    // Nobody had it: somebody may by now.
    if (conn_ == nullptr && home().now() < opening_until_) return ask_for_stream();
    leave_stream();
    return handle_refused(refusal::no_conn);
  }
  port_->metrics.send_error("timeout").add();
  quit();
}

/// Bytes that wait for the client do so for a limited time; what it takes starts the time anew.
void client_conn::watch_sending() {
  if (stream_.queued() == 0 || settings().upstream_send_timeout.count() == 0)
    progress_timer_.cancel();
  else
    progress_timer_.arm(home().timers(), settings().upstream_send_timeout);
}

void client_conn::close_after_flush() {
  stage_ = stage::closing;
  conn_ = nullptr;
  stream_.want_read(false);
  if (stream_.queued() == 0 && writer_->pending() == 0) return quit();
  stream_.flush_later();
  watch_sending();
}

void client_conn::drop() {
  spdlog::debug("{}: {}: closed for the memory it holds: {} bytes", port_->name, to_string(peer_),
                held_);
  leave_stream();
  stage_ = stage::closing;
  quit();
}

void client_conn::rearm_timers() {
  if (idle_ != idle_state::init) check_idle();
  if (stage_ == stage::tunnel) watch_sending();
}

std::optional<net::steady_clock::time_point> client_conn::retired() const noexcept {
  const auto since = version_->retired.load(std::memory_order_relaxed);
  return since != net::steady_clock::time_point{} ? std::optional{since} : std::nullopt;
}

void client_conn::note_memory() {
  if (!stream_.is_open()) return;
  auto now = stream_.queued();
  if (handshake_) now += handshake_->codec.held();
  if (reader_) now += reader_->held();
  if (writer_) now += writer_->pending();
  side_->core.memory.change(home().index(), std::exchange(held_, now), now);
}

void client_conn::on_broken(net::byte_stream&, int error) {
  port_->metrics.send_error(errno_label(error)).add();
  quit();
}

client_status client_conn::status(net::steady_clock::time_point now) const {
  const auto seconds = [now](net::steady_clock::time_point since) {
    return std::chrono::duration_cast<std::chrono::seconds>(now - since);
  };
  client_status out{.group = {.listener = port_->name},
                    .peer = peer_,
                    .age = seconds(started_),
                    .idle = seconds(last_activity_),
                    .queued = stream_.queued() + (writer_ ? writer_->pending() : 0),
                    .outstanding = outstanding_};
  switch (stage_) {
    case stage::handshake:
      out.group.stage = "handshake";
      break;
    case stage::opening:
      out.group.stage = migrating_ ? "migrating" : "opening";
      break;
    case stage::tunnel:
      out.group.stage = "tunnel";
      break;
    case stage::closing:
      out.group.stage = "closing";
      break;
  }
  // Known since its header has come.
  if (reader_) {
    out.group.protocol = protocol_name(kind_, tls_);
    out.group.dc = dc_;
  }
  return out;
}

void client_conn::stopped() {
  side_->clients[home().index()].leave(place_);
  leave_stream();
  if (writer_) stream_.send_pending(*writer_);
  stream_.write_now();
  stream_.close();
  side_->core.memory.change(home().index(), std::exchange(held_, 0), 0);
  idle_timer_.cancel();
  progress_timer_.cancel();
  handshake_.reset();
  taken_.release();
  port_->metrics.in_connection_closed.add();
  port_->metrics.session_lifetime.observe(
      static_cast<std::uint64_t>((home().now() - started_).count()));
}

}  // namespace mtp::actors
