#include "actors/node_link/link_agent.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/metric_names.hpp"
#include "codecs/base/text.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// An agent that has said nothing for so long says that it is there: its partner knows by that
/// until when all that was sent has come.
constexpr auto tick = 1s;
/// What may wait for the other node at most: this share of the memory budget, and at least this.
constexpr std::size_t backlog_share = 8;
constexpr std::size_t least_backlog = std::size_t{32} * 1024 * 1024;
std::size_t backlog_limit(const node_link_side& side) noexcept {
  return std::max(least_backlog, side.core.memory.budget() / backlog_share);
}
/// Ticks between looks for streams to forget.
constexpr std::uint64_t sweep_every = 6;

}  // namespace

bool ends_stream(const event_to_client& event) noexcept {
  return std::holds_alternative<stream::refused>(event) ||
         std::holds_alternative<stream::migrate>(event) ||
         std::holds_alternative<stream::close>(event);
}

link_agent::link_agent(caf::actor_config& cfg, net::reactor& home, node_link_side& side)
    : pinned_actor{cfg, home},
      side_{&side},
      dropped_{healthcheck(side.core.metrics, "link_backlog")},
      tick_timer_{*this} {}

void link_agent::begin() {
  side_->core.holders[home().index()].push_back(this);
  tick_timer_.arm(home().timers(), tick);
}

void link_agent::send_to(link_peer& peer, stream_frame frame) {
  // It is not in a mailbox any more; from here on `held` counts it.
  if (auto* const data = std::get_if<stream::data>(&frame.event)) data->claim = {};
  peer.channel.send(std::move(frame));
  limit_backlog(peer);
  if (peer.channel.blob_is_full())
    flush(peer);
  else
    home().flush_later(*this);
}

bool link_agent::floods(const link_peer& peer) const noexcept {
  return peer.channel.joining() > backlog_limit(*side_);
}

void link_agent::limit_backlog(link_peer& peer) {
  const auto limit = backlog_limit(*side_);
  while (peer.channel.queued() > limit && drop_largest_of(peer) > 0)
    dropped_.add();
}

void link_agent::flush(link_peer& peer) {
  const auto now = home().now();
  for (auto blob = peer.channel.next_blob(now); !blob.empty(); blob = peer.channel.next_blob(now)) {
    caf::anon_send(peer.agent, link_blob{std::string{as_text(blob)}});
    peer.spoke = now;
  }
}

void link_agent::on_flush() {
  run_as_handler([this] {
    for_each_peer([this](link_peer& peer) { flush(peer); });
    note_memory();
  });
}

void link_agent::note_memory() {
  std::size_t now = 0;
  for_each_peer([&](link_peer& peer) { now += peer.channel.held(); });
  side_->core.memory.change(home().index(), std::exchange(held_, now), now);
}

void link_agent::on_due(net::timer&) {
  const auto now = home().now();
  for_each_peer([&](link_peer& peer) {
    if (peer.channel.owes_report() || now - peer.spoke >= tick) peer.channel.speak_up();
    flush(peer);
  });
  on_tick();
  if (++ticks_ % sweep_every == 0) sweep(now - release_time);
  tick_timer_.arm(home().timers(), tick);
}

void link_agent::stopped() {
  home().forget_flush(*this);
  for_each_peer([this](link_peer& peer) {
    flush(peer);
    // Each agent of a pair has the other's handle: one must let go.
    demonitor(peer.agent);
    peer.agent = nullptr;
  });
  std::erase(side_->core.holders[home().index()], static_cast<memory_holder*>(this));
  side_->core.memory.change(home().index(), std::exchange(held_, 0), 0);
  tick_timer_.cancel();
}

}  // namespace mtp::actors
