// Does what the watch of silence says: pings, and gives a stalled connection up.
#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/uplink/middle/dc_conn.hpp"
#include "actors/uplink/middle/dc_conn_metrics.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::actors {

void dc_conn::watch_for_answer() {
  deadline_.arm(home().timers(), silence_watch::first_look(settings().dc_stall_timeout));
}

void dc_conn::check_silence() {
  const silence_watch::observation seen{.now = home().now(),
                                        .paused = paused_,
                                        .unread = net::has_unread(stream_.fd()),
                                        .written = sent_.queued() + writer_.pending(),
                                        .taken = taken()};
  const auto verdict = silence_.look(
      seen, {.stall = settings().dc_stall_timeout, .ping_interval = settings().dc_ping_interval});
  if (verdict.decision == silence_watch::action::replace) return replace_stalled(verdict.missing);
  if (verdict.decision == silence_watch::action::ping) send_ping();
  deadline_.arm(home().timers(), verdict.next);
}

/// The next look may be further away than the limits say now.
void dc_conn::heed_config() {
  if (stage_ != stage::ready) return;
  if (silence_.is_watching())
    check_silence();
  else
    deadline_.arm(home().timers(), settings().dc_ping_interval);
}

/// How much of the outgoing stream Telegram's kernel has taken.
std::uint64_t dc_conn::taken() const {
  return sent_.sent() - net::untaken_bytes(stream_.fd());
}

void dc_conn::replace_stalled(std::string_view missing) {
  metrics_->stalled.add();
  spdlog::warn("dc {}: {} does not answer: replaced, {} clients move", options_.dc,
               to_string(options_.to), clients_.size());
  lose("stalled: " + std::string{missing} + " for " +
       std::to_string(settings().dc_stall_timeout.count()) + " s");
}

void dc_conn::send_ping() {
  rpc::encode_ping(static_cast<std::int64_t>(side_->core.next_stream(home().index())), head_);
  frame({});
}

}  // namespace mtp::actors
