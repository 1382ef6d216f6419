// What the silence of Telegram means: pings, and when a connection is given up.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/uplink/middle/dc_conn.hpp"
#include "actors/uplink/middle/dc_conn_metrics.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::actors {

using namespace std::chrono_literals;

/// An answer is expected: to what was sent or, from half of the time on, to a ping.
void dc_conn::watch_for_answer() {
  watching_ = true;
  deadline_.arm(home().timers(), half_stall());
}

std::chrono::milliseconds dc_conn::half_stall() const {
  return std::chrono::milliseconds{settings().dc_stall_timeout} / 2;
}

void dc_conn::check_silence() {
  const auto now = home().now();
  const auto left = [&](net::steady_clock::time_point since) {
    return since + settings().dc_stall_timeout - now;
  };
  // A slow network: the kernel wants a third of its buffer free before it takes more.
  if (blocked_since_ && net::untaken_bytes(stream_.fd()) < blocked_with_) note_blocked();
  if (!paused_ && blocked_since_ && left(*blocked_since_).count() <= 0)
    return replace_stalled("nothing taken");
  if (!paused_ && pinged_ && unanswered_since_ && left(*unanswered_since_).count() <= 0) {
    if (ping_waits_in_line()) {
      unanswered_since_ = now;
    } else {
      if (!net::has_unread(stream_.fd())) return replace_stalled("no answer");
      // This look comes late: so does the one at the socket.
      deadline_.arm(home().timers(), 1ms);
      return;
    }
  }
  if (paused_ || (!unanswered_since_ && !unconfirmed_ && !blocked_since_)) {
    // Nothing is owed to us. After a quiet time a ping finds out whether anybody is there.
    if (!watching_ && !paused_) return send_ping();
    watching_ = false;
    deadline_.arm(home().timers(), settings().dc_ping_interval);
    return;
  }
  net::steady_clock::duration least = 1ms;
  if (!pinged_ && (unanswered_since_ || unconfirmed_)) {
    // What came last may have been sent before it could be an answer.
    if (!unanswered_since_) unanswered_since_ = heard_;
    send_ping();
    // However late this look is, the ping has its time.
    least = half_stall() / 2;
  }
  auto wait = unanswered_since_ ? left(*unanswered_since_) : half_stall();
  if (blocked_since_) wait = std::min(wait, left(*blocked_since_));
  deadline_.arm(home().timers(),
                std::clamp<net::steady_clock::duration>(wait, least, half_stall()));
}

/// Whether Telegram still has bytes in front of the ping to take, and has taken some since the last
/// look: a long upload over a slow network.
bool dc_conn::ping_waits_in_line() {
  const auto taken = sent_total_ - net::untaken_bytes(stream_.fd());
  const auto before = std::exchange(taken_, taken);
  return taken > before && taken < ping_from_;
}

/// Bytes wait here because the kernel takes no more of them.
void dc_conn::note_blocked() {
  blocked_since_ = home().now();
  blocked_with_ = net::untaken_bytes(stream_.fd());
}

/// Telegram could neither answer nor, perhaps, go on reading while nobody read what it sent.
void dc_conn::forgive_silence() {
  const auto now = home().now();
  if (unanswered_since_) unanswered_since_ = now;
  if (blocked_since_) blocked_since_ = now;
  heard_ = now;
  pinged_ = false;
  unconfirmed_ = true;
  watch_for_answer();
}

void dc_conn::replace_stalled(std::string_view what) {
  metrics_->stalled.add();
  spdlog::warn("dc {}: {} does not answer: replaced, {} clients move", options_.dc,
               to_string(options_.to), clients_.size());
  lose("stalled: " + std::string{what} + " for " +
       std::to_string(settings().dc_stall_timeout.count()) + " s");
}

void dc_conn::send_ping() {
  pinged_ = true;
  ping_from_ = queued_total_ + writer_.pending();
  taken_ = sent_total_ - net::untaken_bytes(stream_.fd());
  rpc::encode_ping(static_cast<std::int64_t>(side_->core.next_stream(home().index())), head_);
  write();
  unconfirmed_ = false;
}

}  // namespace mtp::actors
