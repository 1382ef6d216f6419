// The clients of a dc_conn: what passes between them and Telegram, and how much of it may wait.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/uplink/middle/dc_conn_metrics.hpp"
#include "codecs/base/overloaded.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// How long one slow client may keep the others waiting.
constexpr auto longest_pause = 5s;

/// A client that took nothing for so long does not keep the others waiting any more.
constexpr auto slow_after = 100ms;
/// What waits for such clients, as a multiple of `downstream_backpressure.bytes_total`.
constexpr std::size_t slow_share = 4;

}  // namespace

// -- from Telegram ------------------------------------------------------------------------------

void dc_conn::handle_message(const rpc::from_dc& message) {
  std::visit(overloaded{
                 [this](const rpc::proxy_ans& answer) { deliver(answer); },
                 [this](const rpc::simple_ack& ack) { confirm(ack); },
                 [this](const rpc::close_ext& close) { close_client(close); },
                 [this](const rpc::ping& ping) {
                   rpc::encode_pong(ping.id, head_);
                   write();
                 },
                 [](const rpc::pong&) {},
                 [this](const rpc::unknown& unknown) {
                   spdlog::debug("dc {}: message of unknown type {:08x}", options_.dc,
                                 unknown.type);
                 },
             },
             message);
}

void dc_conn::deliver(const rpc::proxy_ans& answer) {
  const auto found = clients_.find(static_cast<stream_id>(answer.id));
  if (found == clients_.end()) {
    // As the C proxy does: Telegram has not heard yet that this client left.
    rpc::encode_close_conn(answer.id, head_);
    return write();
  }
  auto& [to, account] = found->second;
  const auto size = answer.packet.size();
  send_to(to, found->first,
          stream::data{
              .packet = reader_.claim(answer.packet),
              .quick_ack = false,
              .claim = account.elsewhere ? side_->core.memory.claim_transit(size) : byte_claim{}});
  clients_.charge(account, size, 1, home().now());
  if (const auto why = account.excess(settings().upstream_healthchecks); !why.empty())
    drop_slow_client(found, why);
  limit_slow();
  update_pause();
}

void dc_conn::confirm(const rpc::simple_ack& ack) {
  const auto found = clients_.find(static_cast<stream_id>(ack.id));
  if (found != clients_.end())
    send_to(found->second.client, found->first, stream::quick_ack{ack.confirm});
}

void dc_conn::close_client(const rpc::close_ext& close) {
  const auto found = clients_.find(static_cast<stream_id>(close.id));
  if (found == clients_.end()) return;
  send_to(found->second.client, found->first, stream::close{});
  forget(found);
  update_pause();
}

// -- from clients -------------------------------------------------------------------------------

bool dc_conn::on_message(caf::mailbox_element& x) {
  auto* const frame = net::message_as<frame_from_client>(x);
  if (frame == nullptr) return false;
  const auto found = clients_.find(frame->stream);
  if (found == clients_.end()) return true;
  std::visit(overloaded{
                 [&](stream::data& data) { handle_data(found, data); },
                 [&](const stream::ack& ack) {
                   clients_.settle(found->second.account, ack.size, ack.packets, home().now());
                   update_pause();
                 },
                 [&](const stream::close&) { handle_close(found); },
             },
             frame->event);
  return true;
}

void dc_conn::handle_open(open_stream& request) {
  client added{.handler = request.client,
               .info = {.client = request.request.client,
                        .proxy = self_,
                        .kind = request.request.kind,
                        .tag = request.request.tag}};
  if (stage_ != stage::ready) {
    // Assigned just before the pool learned that this connection is lost. Its count ends with the
    // request.
    send_to(added, request.stream, stream::migrate{});
    return;
  }
  send(request.client,
       stream_opened{request.stream, caf::actor{this}, home().index(), options_.dc});
  auto& account = clients_.add(request.stream, std::move(added), request.reactor != home().index())
                      ->second.account;
  request.counted.keep();
  if (request.request.waiting_packets == 0) return;
  // Across nodes this is the other node's claim: it must not hold up other clients. An honest claim
  // is within the client's window, and waits for a client that has not kept up.
  const auto& health = settings().upstream_healthchecks;
  const auto& limits = settings().downstream_backpressure;
  const auto most_bytes = health.total_mem.value_or(limits.bytes_total);
  const auto most_packets =
      health.total_mem ? *health.total_mem / credit_of(0, 1) : limits.packets_total;
  clients_.charge(account, std::min<std::size_t>(request.request.waiting_bytes, most_bytes),
                  std::min<std::size_t>(request.request.waiting_packets, most_packets),
                  home().now() - slow_after);
  update_pause();
}

void dc_conn::handle_data(books::iterator entry, stream::data& data) {
  auto& [from, account] = entry->second;
  if (stage_ != stage::ready) {
    // Released already: it must learn that this did not reach Telegram.
    send_to(from, entry->first, stream::refused{refusal::migrating});
    clients_.remove(entry);
    return;
  }
  rpc::encode_proxy_req_header(from.info, static_cast<rpc::conn_id>(entry->first), data.quick_ack,
                               data.packet.view(), head_);
  const auto size = static_cast<std::uint32_t>(data.packet.size());
  write(std::move(data.packet));
  const auto until = sent_.queued() + writer_.pending();
  if (const auto ack = account.take(size, until))
    sent_.add(until, {.to = entry->first, .ack = *ack});
}

void dc_conn::handle_close(books::iterator entry) {
  if (stage_ == stage::ready) {
    rpc::encode_close_conn(static_cast<rpc::conn_id>(entry->first), head_);
    write();
  }
  forget(entry);
  update_pause();
}

void dc_conn::forget(books::iterator entry) {
  clients_.remove(entry);
  if (stage_ == stage::dying) return;  // counted off when it was released
  options_.load->clients.fetch_sub(1);
}

void dc_conn::send_to(const client& to, stream_id stream, event_to_client event) {
  caf::anon_send(to.handler, frame_to_client{stream, std::move(event)});
}

void dc_conn::release_clients() {
  for (const auto& [id, known] : clients_) {
    if (known.account.sent_until > sent_.sent())
      send_to(known.client, id, stream::refused{refusal::migrating});
    else
      send_to(known.client, id, stream::migrate{});
  }
  options_.load->clients.fetch_sub(clients_.size());
}

// -- flow control -------------------------------------------------------------------------------

/// Which limit is exceeded by what waits for clients that keep up, or by what other reactors have
/// not even taken; none if it is empty.
std::string_view dc_conn::overflow() const {
  if (clients_.elsewhere() > 0 && side_->core.memory.transit_is_full(paused_))
    return "memory_transit";
  return clients_.overflow(settings().downstream_backpressure, clients_.size(), paused_);
}

void dc_conn::update_pause() {
  if (stage_ == stage::dying) return;
  auto why = overflow();
  if (why.empty() == !paused_) return;
  if (!paused_) {
    set_slow_apart();
    why = overflow();
    if (why.empty() || paused_) return;
  }
  paused_ = !paused_;
  stream_.want_read(!paused_);
  if (paused_) {
    paused_since_ = pause_judged_ = home().now();
    pause_timer_.arm(home().timers(), slow_after);
    metrics_->down_backpressure(why).add();
  } else {
    pause_timer_.cancel();
    silence_.resumed(home().now());
    watch_for_answer();
    metrics_->down_backpressure("off").add();
    metrics_->pause_duration.observe(
        static_cast<std::uint64_t>((home().now() - paused_since_).count()));
  }
}

/// Clients that have taken nothing for a while have windows of their own; without one, the pause is
/// all that bounds them.
void dc_conn::set_slow_apart() {
  if (!settings().upstream_healthchecks.total_mem) return;
  metrics_->behind.add(clients_.set_slow_apart(home().now(), slow_after));
  limit_slow();
}

/// However many clients are behind: together they get a few times what the others may have.
void dc_conn::limit_slow() {
  const auto limit = slow_share * settings().downstream_backpressure.bytes_total;
  if (clients_.behind().bytes <= limit) return;
  for (const auto id : clients_.surplus(limit))
    drop_slow_client(clients_.find(id), "slow_clients");
}

/// The pause has gone on for a while.
void dc_conn::check_pause() {
  set_slow_apart();
  update_pause();
  if (paused_ && home().now() - pause_judged_ >= longest_pause) {
    pause_judged_ = home().now();
    const auto slowest = clients_.slowest();
    if (slowest != clients_.end()) drop_slow_client(slowest, "paused_link");
    update_pause();
  }
  if (paused_) pause_timer_.arm(home().timers(), slow_after);
}

void dc_conn::drop_slow_client(books::iterator entry, std::string_view why) {
  metrics_->healthcheck(why).add();
  const auto& [slow, account] = entry->second;
  // A line for each would fill the log, whatever clients or another node choose.
  spdlog::debug("dc {}: closing a client that does not read: {} bytes in {} packets wait ({})",
                options_.dc, account.unacked_bytes, account.unacked_packets, why);
  rpc::encode_close_conn(static_cast<rpc::conn_id>(entry->first), head_);
  write();
  send_to(slow, entry->first, stream::refused{refusal::too_slow});
  forget(entry);
}

}  // namespace mtp::actors
