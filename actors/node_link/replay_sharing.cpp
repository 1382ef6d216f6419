#include "actors/node_link/replay_sharing.hpp"

#include <caf/all.hpp>

#include "actors/node_link/link_messages.hpp"
#include "codecs/node_link/link_hello.hpp"
#include "codecs/node_link/seen_batch.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

/// From front to front within a second, also far away and behind a busy link.
constexpr std::chrono::milliseconds send_interval{250};

}  // namespace

replay_sharing::replay_sharing(net::pinned_actor& self, node_link_side& side)
    : self_{&self}, side_{&side}, timer_{self} {}

void replay_sharing::begin(caf::actor gateway, std::uint64_t session) {
  gateway_ = std::move(gateway);
  session_ = session;
  unconfirmed_.reset();
  follow();
}

void replay_sharing::end() {
  gateway_ = nullptr;
  is_on_ = false;
  is_under_way_ = false;
  timer_.cancel();
}

void replay_sharing::follow() {
  auto& shared = side_->shared_replays;
  shared.follow(side_->core.settings(self_->home()).client);
  const bool wanted = shared.is_on() && gateway_ != nullptr;
  if (!shared.is_on()) unconfirmed_.reset();
  if (std::exchange(is_on_, wanted) == wanted || gateway_ == nullptr) return;
  self_->send(gateway_, link_share_atom::value, session_, wanted);
  if (wanted)
    timer_.arm(self_->home().timers(), send_interval);
  else
    timer_.cancel();
}

void replay_sharing::send() {
  timer_.arm(self_->home().timers(), send_interval);
  // A slow link gets no more than it takes.
  if (is_under_way_) return;
  auto& shared = side_->shared_replays;
  const auto fresh = shared.read_own(unconfirmed_, max_seen_records);
  shared.counted.dropped.add(fresh.missed);
  if (fresh.missed > 0) unconfirmed_ = fresh.next - fresh.handshakes.size();
  if (fresh.handshakes.empty()) return;
  is_under_way_ = true;
  const auto batch = encode_seen_batch(fresh.handshakes, net::unix_time());
  const auto session = session_;
  self_
      ->request(gateway_, seen_patience, link_seen_atom::value, session,
                std::string{as_text(batch)})
      .then([this, session, next = fresh.next,
             count = fresh.handshakes.size()] { confirm(session, next, count); },
            [this, session](const caf::error&) {
              if (session == session_) is_under_way_ = false;
            });
}

void replay_sharing::confirm(std::uint64_t session, shared_replays::own_ring::place next,
                             std::size_t count) {
  if (gateway_ == nullptr || session != session_) return;
  is_under_way_ = false;
  side_->shared_replays.counted.sent.add(count);
  if (!is_on_) return;
  unconfirmed_ = next;
  // More may wait than fits.
  if (count == max_seen_records) send();
}

void replay_sharing::take(std::uint64_t session, const std::string& front,
                          const std::string& batch) {
  if (!is_on_ || session != session_) return;
  auto& shared = side_->shared_replays;
  const auto read = decode_seen_batch(as_bytes(batch), net::unix_time());
  if (!read || front.size() > max_link_text) return shared.counted.dropped.add();
  shared.counted.received.add(read->records.size());
  shared.counted.dropped.add(read->too_old);
  if (!shared.add(front, read->records)) shared.counted.dropped.add(read->records.size());
}

}  // namespace mtp::actors
