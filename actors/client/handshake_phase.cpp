#include "actors/client/handshake_phase.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>
#include <limits>

#include "actors/client/client_conn.hpp"
#include "actors/client/fronting_rules.hpp"
#include "actors/client/hello_clock.hpp"
#include "codecs/base/host_name.hpp"
#include "codecs/base/text.hpp"
#include "codecs/client/cover_profile.hpp"
#include "codecs/client/ja4.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

/// Why connections of a port that has no clients are forwarded, in metrics.
constexpr std::string_view plain_reason = "plain_port";

/// For a proxy in front to send its header.
constexpr std::chrono::milliseconds proxy_header_time{500};

/// A visitor that says nothing at all is nobody's client, and the site counts from here on: its
/// time-out is the one that counts.
constexpr std::chrono::milliseconds first_byte_time{200};

/// Whether connections are forwarded.
bool has_cover(const client_conn& conn) {
  return conn.settings().fronting.mode != config::fronting_mode::off ||
         conn.port_settings().relay_to;
}

/// How long it may be silent at its start.
std::chrono::milliseconds first_silence(const client_conn& conn) {
  if (conn.port_settings().relay_to) return {};
  return std::min(first_byte_time, conn.settings().fronting.silence);
}

/// The flight of the site that others are forwarded to who send this hello.
server_flight_plan plan_flight(client_conn& conn, const client_hello& hello,
                               const secret16& secret) {
  const auto site = fronting_target_of(hello.sni, true, conn.settings(), conn.port_settings());
  const auto measured =
      site ? conn.side().covers.get()->find(*site, lower_case(hello.sni)) : nullptr;
  const auto random =
      net::random_between<std::uint32_t>(0, std::numeric_limits<std::uint32_t>::max());
  return measured != nullptr ? plan_server_flight(*measured, hello, random)
                             : plan_server_flight(default_cover_profile(secret), hello, random);
}

hello_clock clock_of(client_conn& conn, std::uint32_t told) {
  const auto now = conn.side().core.clock.unix_time();
  const auto judged = judge_clock(told, now, conn.settings().hello_clock);
  auto& metrics = conn.port().metrics;
  if (judged == hello_clock::since_boot)
    metrics.boot_clock.add();
  else
    metrics.observe_skew(std::int64_t{told} - now);
  return judged;
}

/// `lasting`: it is remembered for a week, not for `max_age_minutes`.
bool is_replay(client_conn& conn, byte_view material, bool lasting) {
  if (!conn.settings().replay_check_session_storage) return false;
  const replay_record handshake{
      .fingerprint = fingerprint_of(conn.port_settings().secret, material),
      .used = net::unix_time(),
      .lasting = lasting};
  if (!conn.side().replays.add(handshake)) return true;
  conn.side().unwritten.add(handshake);
  // From now on it is remembered here as well.
  auto* const shared = conn.side().shared_replays;
  return shared != nullptr && shared->is_replay(handshake);
}

}  // namespace

handshake_phase::handshake_phase(client_handshake::options known, newcomer_place place)
    : state_{new state{.codec = client_handshake{std::move(known)},
                       .place = std::move(place),
                       .seen = {},
                       .dialled = {},
                       .visit = {}}} {}
handshake_phase::handshake_phase(handshake_phase&&) noexcept = default;
handshake_phase& handshake_phase::operator=(handshake_phase&&) noexcept = default;
handshake_phase::~handshake_phase() = default;

void handshake_phase::start(client_conn& conn) {
  state_->place.start(caf::actor{&conn});
  const auto& port = conn.port_settings();
  state_->awaits_proxy_header = port.socket || contains(port.proxy_protocol_from, conn.peer().ip);
  if (state_->awaits_proxy_header)
    conn.arm_progress(proxy_header_time);
  else if (has_cover(conn))
    conn.arm_progress(first_silence(conn));
}

void handshake_phase::stop() noexcept {
  state_->place.leave();
  state_->visit.reset();
}

next_phase handshake_phase::on_data(client_conn& conn, byte_view data) {
  bytes behind_proxy_header;
  if (state_->awaits_proxy_header) {
    if (!take_proxy_header(conn, data)) return {};
    behind_proxy_header = std::exchange(state_->seen, {});
    data = behind_proxy_header;
  }
  if (!state_->codec.is_answered()) {
    if (state_->seen.empty() && has_cover(conn))
      conn.arm_progress(data.empty() ? first_silence(conn) : conn.settings().fronting.silence);
    append(state_->seen, data);
    if (state_->visit) state_->visit->site().send(data);
  }
  // Such a port has no secret: nothing that comes there is looked at.
  if (const auto& site = conn.port_settings().relay_to; site && !data.empty())
    return send_off(conn, forwarded{.why = cause::unknown_protocol, .to = *site});
  while (true) {
    auto step = state_->codec.feed(std::exchange(data, {}));
    if (step && std::holds_alternative<client_handshake::incomplete>(*step)) {
      if (!is_hopeless(conn)) return {};
      step = fail(errc::unknown_protocol);
    }
    auto judged =
        judge(facts_of(conn, step), conn.settings(), conn.port_settings(), std::move(conn.taken()));
    if (!std::holds_alternative<admitted>(judged)) return send_off(conn, judged);
    auto& let_in = std::get<admitted>(judged);
    conn.taken() = std::move(let_in.taken);
    state_->visit.reset();
    if (const auto* const received = std::get_if<client_handshake::hello_received>(&*step)) {
      answer(conn, *received, *let_in.secret);
      continue;
    }
    auto& header = std::get<client_handshake::established>(*step);
    conn.port().metrics.protocol_ok(header.kind, header.tls).add();
    conn.handshake_done();
    return opening_phase{std::make_unique<client_session>(header, let_in.tag, conn.settings(),
                                                          conn.stream().queued())};
  }
}

bool handshake_phase::take_proxy_header(client_conn& conn, byte_view data) {
  auto& seen = state_->seen;
  append(seen, data);
  const auto header = read_proxy_header(seen);
  if (!header) {
    turn_away(conn, cause::bad_proxy_header);
    return false;
  }
  if (!*header) return false;
  seen.erase(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>((*header)->consumed));
  state_->awaits_proxy_header = false;
  conn.stop_progress();
  if (const auto& ends = (*header)->ends) {
    conn.set_peer(ends->source);
    state_->dialled = ends->destination;
    // From now on it counts for its own network.
    state_->place = conn.port().newcomers.join(ends->source.ip, conn.home().now());
    state_->place.start(caf::actor{&conn});
  }
  return true;
}

next_phase handshake_phase::on_end(client_conn& conn) {
  const auto& codec = state_->codec;
  if (codec.is_answered() || state_->awaits_proxy_header || !has_cover(conn)) {
    conn.quit();
    return {};
  }
  const client_facts facts{
      .error = codec.is_tls() ? errc::tls_bad_client_hello : errc::unknown_protocol,
      .tls = codec.is_tls(),
      .sni = codec.sni()};
  return send_off(conn,
                  judge(facts, conn.settings(), conn.port_settings(), std::move(conn.taken())));
}

bool handshake_phase::is_hopeless(const client_conn& conn) const {
  using config::protocol;
  const auto& codec = state_->codec;
  if (codec.is_answered()) return false;
  const auto allows = [&](protocol kind) {
    return conn.settings().allows(conn.port_settings(), kind);
  };
  switch (codec.opened_with()) {
    case client_handshake::opening::open:
      return false;
    case client_handshake::opening::hello:
      return !allows(protocol::mtp_fake_tls);
    case client_handshake::opening::header:
      return !allows(protocol::mtp_abridged) && !allows(protocol::mtp_intermediate) &&
             !allows(protocol::mtp_secure);
  }
  return false;
}

void handshake_phase::count_hello(client_conn& conn, hello_outcome outcome) const {
  const byte_view seen{state_->seen};
  if (!state_->codec.is_tls() || seen.size() < tls_record_header_size) return;
  const auto size = tls_record_header_size + load_be16(seen.subspan(3));
  // A hello in several records is none of a program that is worth counting.
  if (size > seen.size()) return;
  if (const auto ja4 = ja4_fingerprint(seen.first(size))) conn.side().hellos.count(*ja4, outcome);
}

// -- the cover site -----------------------------------------------------------------------------

next_phase handshake_phase::send_off(client_conn& conn, const verdict& judged) {
  if (const auto* const away = std::get_if<turned_away>(&judged)) {
    if (!state_->codec.is_answered()) count_hello(conn, hello_outcome::refused);
    turn_away(conn, *away);
    return {};
  }
  const auto& [why, site] = std::get<forwarded>(judged);
  // A site that is this proxy itself would have it forwarded for ever.
  if (conn.side().probes.take_back(state_->seen)) {
    turn_away(conn, why);
    return {};
  }
  count_hello(conn, hello_outcome::forwarded);
  auto& metrics = conn.port().metrics;
  const bool is_plain = conn.port_settings().relay_to.has_value();
  const auto reason = is_plain ? plain_reason : about(why).name;
  if (!is_plain) metrics.protocol_error(reason).add();
  metrics.fronted(reason).add();
  if (spdlog::should_log(spdlog::level::debug))
    spdlog::debug("{}: {}: {}: forwarded to {}", conn.port().name, to_string(conn.peer()), reason,
                  config::to_string(site));
  state_->place.leave();
  // Half of the hello may have gone to another site, when its name had not come yet.
  if (!state_->visit || state_->visit->target() != site) state_->visit = visit(conn, site);
  return relay_phase{std::move(state_->visit)};
}

next_phase handshake_phase::on_silence(client_conn& conn) {
  if (state_->awaits_proxy_header) {
    turn_away(conn, cause::bad_proxy_header);
    return {};
  }
  if (state_->visit || state_->codec.is_answered()) return {};
  if (const auto& site = conn.port_settings().relay_to)
    return send_off(conn, forwarded{.why = cause::unknown_protocol, .to = *site});
  const auto& codec = state_->codec;
  const auto site =
      fronting_target_of(codec.sni(), codec.is_tls(), conn.settings(), conn.port_settings());
  if (site) state_->visit = visit(conn, *site);
  return {};
}

std::unique_ptr<cover_visit> handshake_phase::visit(client_conn& conn,
                                                    const config::fronting_target& site) const {
  const connection_ends ends{.source = conn.peer(),
                             .destination = state_->dialled ? *state_->dialled : conn.local()};
  return std::make_unique<cover_visit>(conn, site, ends, state_->seen);
}

next_phase handshake_phase::on_cover_speaks(client_conn& conn) {
  auto& metrics = conn.port().metrics;
  metrics.fronted("silence").add();
  state_->place.leave();
  conn.taken().release();
  return relay_phase{std::move(state_->visit)};
}

void handshake_phase::on_cover_lost() {
  state_->visit.reset();
}

net::steady_clock::duration handshake_phase::cover_time_left(const client_conn& conn) const {
  if (!state_->visit) return {};
  const auto idle =
      conn.home().now() - state_->visit->site().moved_at().load(std::memory_order_relaxed);
  return conn.settings().fronting.idle_timeout - idle;
}

/// For admission, of a step that is not incomplete. A replay is looked for once only.
client_facts handshake_phase::facts_of(client_conn& conn,
                                       const result<client_handshake::step>& step) const {
  const auto& codec = state_->codec;
  client_facts facts{.tls = codec.is_tls(), .is_answered = codec.is_answered(), .sni = codec.sni()};
  if (!step) {
    facts.error = step.error();
  } else if (const auto* const received = std::get_if<client_handshake::hello_received>(&*step)) {
    facts.has_early_data = codec.has_more_than_hello();
    facts.has_wrong_clock = clock_of(conn, received->client_time) == hello_clock::wrong;
    // Not the last 4 bytes, which hold the clock: nothing protects them. Who has recorded a hello
    // can give it any clock, so only memory helps, for as long as it lasts.
    const auto digest = byte_view{received->hello->random}.first(client_digest_size);
    facts.is_replay = is_replay(conn, digest, true);
  } else {
    const auto& header = std::get<client_handshake::established>(*step);
    facts.kind = header.kind;
    // A fake-TLS client was checked by its hello.
    facts.is_replay = !header.tls && is_replay(conn, header.header_key, false);
  }
  return facts;
}

void handshake_phase::answer(client_conn& conn, const client_handshake::hello_received& received,
                             const secret16& secret) {
  state_->place.leave();
  const auto& hello = *received.hello;
  spdlog::debug("{}: fake-TLS hello for {}, client clock {:+} s", conn.port().name,
                printable(hello.sni),
                std::int64_t{received.client_time} - conn.side().core.clock.unix_time());
  const auto plan = plan_flight(conn, hello, secret);
  bytes encrypted(plan.encrypted_size);
  net::fill_random(encrypted);
  server_flight_random random{
      .x25519_key = net::random_x25519_share(), .mlkem_ciphertext = {}, .encrypted = encrypted};
  if (plan.group == group_x25519_mlkem768) net::fill_random(random.mlkem_ciphertext);
  count_hello(conn, hello_outcome::answered);
  conn.stream().send(state_->codec.answer(plan, random));
  bytes{}.swap(state_->seen);
}

void handshake_phase::on_crowded_out(client_conn& conn) {
  if (is_newcomer()) turn_away(conn, cause::crowded_out);
}

void handshake_phase::turn_away(client_conn& conn, cause why) {
  turn_away(conn, {.why = why, .how = farewell_of(why, conn.settings(), progress_made::none)});
}

void handshake_phase::turn_away(client_conn& conn, const turned_away& away) {
  state_->place.leave();
  conn.turn_away(away);
}

}  // namespace mtp::actors
