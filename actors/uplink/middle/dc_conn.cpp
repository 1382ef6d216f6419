// The connection: its life, its bytes, its handshake. Clients are in
// dc_conn_clients.cpp, what Telegram's silence means in dc_conn_silence.cpp.
#include "actors/uplink/middle/dc_conn.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/memory_guard.hpp"
#include "actors/uplink/middle/dc_conn_metrics.hpp"
#include "codecs/base/overloaded.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 10s;
constexpr auto handshake_timeout = 8s;
/// How long a lost connection answers in Telegram's place.
constexpr auto dying_time = 5s;
constexpr auto send_timeout = 15s;
/// When memory is exhausted, a connection on which more waits for Telegram is given up.
constexpr std::size_t most_unsent = std::size_t{4} * 1024 * 1024;

/// What Python and Erlang proxies call themselves; middle proxies do not look at it.
constexpr std::string_view process_name = "IPIPPRPDTIME";

rpc::process_id own_process_id() noexcept {
  const auto name = as_bytes(process_name);
  return {.ip = load_le<std::uint32_t>(name),
          .port = load_le<std::uint16_t>(name.subspan(4)),
          .pid = load_le<std::uint16_t>(name.subspan(6)),
          .start_time = load_le<std::uint32_t>(name.subspan(8))};
}

}  // namespace

dc_conn::dc_conn(caf::actor_config& cfg, net::reactor& home, uplink_side& side,
                 dc_conn_options options)
    : pinned_actor{cfg, home},
      side_{&side},
      options_{std::move(options)},
      metrics_{std::make_unique<metric_set>(side.core.metrics, options_.dc)},
      stream_{*this, *this},
      deadline_{*this},
      pause_timer_{*this},
      reader_{side.settings()->full_check_crc32} {}

dc_conn::~dc_conn() = default;

caf::behavior dc_conn::start() {
  // A new pool has no old conns.
  monitor(options_.pool);
  set_down_handler([this](caf::down_msg&) { lose("its pool ended"); });
  started_ = home().now();
  dialing_ = std::make_unique<net::dialing>(
      side_->core.resolver(home()),
      net::dial_target{.bind_v4 = settings().bind_address,
                       .bind_v6 = settings().bind_address_v6,
                       .addresses = {options_.to}},
      net::dial_limits{.connect = connect_timeout},
      [this](net::dial_result result) { run_as_handler([&] { on_dialed(std::move(result)); }); });
  return {
      [this](open_stream& request) { handle_open(request); },
      [this](const cancel_stream& cancel) {
        const auto found = clients_.find(cancel.stream);
        if (found != clients_.end()) handle_close(found);
      },
      [this](get_dc_conn_status) { return status(); },
      [this](memory_is_scarce) { yield_memory(); },
      [this](config_changed) {
        // Its timer may have been set for much longer than the file says now.
        if (stage_ == stage::ready) check_silence();
      },
  };
}

void dc_conn::on_dialed(net::dial_result result) {
  dialing_.reset();
  if (!result) {
    const auto& failure = result.error();
    const bool silent = failure.error == ETIMEDOUT;
    metrics_->connect_error(silent ? "timeout" : errno_label(failure.error)).add();
    return lose(failure.reason);
  }
  stream_.adopt(std::move(result->fd));
  metrics_->connect_ok.add();
  send(options_.pool, dc_conn_connected{options_.number});
  net::set_no_delay(stream_.fd());
  net::set_user_timeout(stream_.fd(), send_timeout);
  self_ = as_telegram_sees(result->local);
  stage_ = stage::nonce;
  deadline_.arm(home().timers(), handshake_timeout);
  handshake_ = std::make_unique<rpc::proxy_handshake>(
      side_->telegram.get()->secret, net::random_array<rpc_nonce{}.size()>(),
      static_cast<std::uint32_t>(net::unix_time()), own_process_id());
  writer_.write(handshake_->nonce());
  stream_.flush_later();
}

/// Our end as Telegram sees it: it goes into the keys and into every request.
endpoint dc_conn::as_telegram_sees(endpoint local) const {
  const auto config = side_->telegram.get();
  const auto& external = local.ip.is_v4() ? config->external_v4 : config->external_v6;
  if (external && !options_.to.ip.is_loopback()) local.ip = *external;
  return local;
}

void dc_conn::on_readable(net::byte_stream&) {
  const auto limit = std::min(settings().downstream_socket_buffer_size, home().scratch().size());
  const auto buffer = home().scratch().first(limit);
  const auto got = stream_.read(buffer);
  if (got.ended) return lose(explain_end());
  if (got.size == 0) return;
  metrics_->received_bytes.add(got.size);
  metrics_->read_size.observe(got.size);
  silence_.heard(home().now());
  reader_.feed(buffer.first(got.size));
  while (stream_.is_open()) {
    const auto frame = reader_.next();
    if (!frame) return lose(explain(frame.error()));
    if (!*frame) break;
    if (const auto handled = handle_frame(**frame); !handled) return lose(explain(handled.error()));
  }
  reader_.close();
  note_memory();
}

void dc_conn::note_memory() {
  if (!stream_.is_open()) return;
  const auto now = stream_.queued() + writer_.pending() + reader_.held();
  side_->core.memory.change(home().index(), std::exchange(held_, now), now);
}

result<void> dc_conn::handle_frame(byte_view body) {
  if (stage_ == stage::nonce) return handle_nonce(body);
  if (stage_ == stage::handshake) return handle_handshake(body);
  served_ = true;
  metrics_->packet_size.observe(body.size());
  const auto message = rpc::decode_from_dc(body);
  if (!message) return fail(message.error());
  handle_message(*message);
  return {};
}

result<void> dc_conn::handle_nonce(byte_view body) {
  const auto keys =
      handshake_->on_nonce(body, options_.to, self_, static_cast<std::uint32_t>(net::unix_time()));
  if (!keys) return fail(keys.error());
  // Our nonce left in plain: the server would not have answered it otherwise.
  writer_.encrypt_with(keys->to_dc);
  reader_.decrypt_with(keys->from_dc);
  writer_.write(handshake_->handshake(options_.offer_crc32c));
  stream_.flush_later();
  stage_ = stage::handshake;
  return {};
}

result<void> dc_conn::handle_handshake(byte_view body) {
  refused_with_ = rpc::handshake_error_code(body);
  const auto kind = handshake_->on_handshake(body);
  if (!kind) return fail(kind.error());
  writer_.use(*kind);
  reader_.use(*kind);
  spdlog::debug("dc {}: connected to {}{}, clock skew {} s", options_.dc, to_string(options_.to),
                *kind == checksum::crc32c ? " with CRC32C" : "", handshake_->clock_skew());
  handshake_.reset();
  become_ready();
  return {};
}

void dc_conn::become_ready() {
  stage_ = stage::ready;
  deadline_.arm(home().timers(), settings().dc_ping_interval);
  send(options_.pool, dc_conn_ready{options_.number});
}

std::string dc_conn::explain(errc code) const {
  switch (code) {
    case errc::rpc_clock_skew:
      return "its clock is " + std::to_string(handshake_->clock_skew()) +
             " s ahead of ours: set this machine's clock (at most 30 s are accepted)";
    case errc::rpc_bad_key_selector:
      return "it uses another proxy secret than getProxySecret gave";
    case errc::rpc_refused:
      return "it refused the handshake with code " + std::to_string(refused_with_);
    default:
      return std::string{to_string(code)};
  }
}

std::string dc_conn::explain_end() const {
  auto clock = describe_clock(*side_->clock_ahead.get());
  if (!clock.empty())
    clock = "this machine's clock is " + clock +
            " Telegram's, and at most 30 s are accepted: set it. If that is not it, ";
  switch (stage_) {
    case stage::nonce:
      return "closed by Telegram before the handshake: " + clock +
             "the proxy secret may be out of date (it is fetched again), or Telegram does not want "
             "this machine";
    case stage::handshake:
      return "closed by Telegram during the encrypted handshake: " + clock +
             "it probably sees another address than " + to_string(self_) +
             " (set external_ip; NAT must not rewrite ports)";
    default:
      return "closed by Telegram";
  }
}

void dc_conn::write(packet_buffer tail) {
  frame(std::move(tail));
  if (silence_.sent(home().now())) watch_for_answer();
}

void dc_conn::frame(packet_buffer&& tail) {
  writer_.write(head_, std::move(tail));
  head_.clear();
  stream_.flush_later();
}

void dc_conn::on_flush(net::byte_stream&) {
  sent_.queue(stream_.send_pending(writer_));
  write_started_ = net::steady_clock::now();
  note_memory();
  if (side_->core.memory.pressure() == memory_pressure::exhausted) yield_memory();
}

/// Memory is short: what Telegram does not take is the first to go.
void dc_conn::yield_memory() {
  if (stage_ == stage::ready && stream_.queued() > most_unsent)
    lose("memory is short, and " + std::to_string(stream_.queued()) + " bytes wait for Telegram");
}

void dc_conn::on_sent(net::byte_stream&, std::size_t size) {
  metrics_->sent_bytes.add(size);
  metrics_->send_duration.observe(
      static_cast<std::uint64_t>((net::steady_clock::now() - write_started_).count()));
  sent_.leave(size, [this](const promised_ack& due) {
    const auto found = clients_.find(due.to);
    if (found != clients_.end()) send_to(found->second.client, due.to, due.ack);
  });
  if (stream_.queued() == 0)
    silence_.unblocked();
  else if (size > 0 || !silence_.is_blocked())
    silence_.blocked(home().now(), taken());
  note_memory();
}

void dc_conn::on_broken(net::byte_stream&, int error) {
  lose(std::generic_category().message(error));
}

void dc_conn::on_due(net::timer& due) {
  if (&due == &pause_timer_) return check_pause();
  switch (stage_) {
    case stage::connecting:
      return;  // it is not armed yet
    case stage::nonce:
    case stage::handshake:
      return lose("the handshake took longer than 8 s");
    case stage::ready:
      return check_silence();
    case stage::dying:
      return quit();
  }
}

void dc_conn::lose(std::string reason) {
  if (stage_ == stage::dying) return;
  const bool was_ready = stage_ == stage::ready;
  const bool in_handshake = stage_ == stage::handshake;
  const bool keys_in_doubt = in_handshake || stage_ == stage::nonce;
  // Telegram closes connections all the time, and the pool tells when none can be had.
  spdlog::debug("dc {}: {}: {}; {} clients to move", options_.dc, to_string(options_.to), reason,
                clients_.size());
  flush_now();
  stream_.close();
  side_->core.memory.change(home().index(), std::exchange(held_, 0), 0);
  pause_timer_.cancel();
  stage_ = stage::dying;
  side_->conns.withdraw(options_.dc, home().index(), caf::actor{this});
  send(options_.pool, dc_conn_lost{.number = options_.number,
                                   .reason = std::move(reason),
                                   .served = served_,
                                   .in_handshake = in_handshake,
                                   .keys_in_doubt = keys_in_doubt});
  if (!was_ready) return quit();
  release_clients();
  deadline_.arm(home().timers(), dying_time);
}

/// What is known to be the last chance: the connection may be ours to close.
void dc_conn::flush_now() {
  stream_.send_pending(writer_);
  stream_.write_now();
}

dc_conn_status dc_conn::status() {
  constexpr std::array<std::string_view, 5> names{"connecting", "nonce", "handshake", "ready",
                                                  "dying"};
  static_assert(names.size() == static_cast<std::size_t>(stage::dying) + 1);
  const auto seconds = [this](net::steady_clock::time_point since) {
    return std::chrono::duration_cast<std::chrono::seconds>(home().now() - since);
  };
  dc_conn_status status{.stage = names[static_cast<std::size_t>(stage_)],
                        .clients = clients_.size(),
                        .unacked_bytes = clients_.unacked().bytes,
                        .unacked_packets = clients_.unacked().packets,
                        .behind_bytes = clients_.behind().bytes,
                        .behind_packets = clients_.behind().packets,
                        .promised_acks = sent_.pending().size(),
                        .unpromised = clients_.unpromised(),
                        .sent = sent_.sent(),
                        .queued = stream_.queued() + writer_.pending(),
                        .age = seconds(started_),
                        .unanswered = std::nullopt};
  if (stage_ == stage::ready && paused_) status.stage = "paused";
  if (const auto since = silence_.unanswered_since()) status.unanswered = seconds(*since);
  return status;
}

void dc_conn::stopped() {
  if (stage_ == stage::ready) {
    for (const auto& [id, served] : clients_) {
      rpc::encode_close_conn(static_cast<rpc::conn_id>(id), head_);
      write();
    }
    flush_now();
    release_clients();
  }
  // Whoever still has a handle of this actor must not keep its clients' actors alive, nor the pool
  // what is left of this actor.
  clients_.clear();
  demonitor(options_.pool);
  dialing_.reset();
  stream_.close();
  side_->core.memory.change(home().index(), std::exchange(held_, 0), 0);
  deadline_.cancel();
  pause_timer_.cancel();
}

}  // namespace mtp::actors
