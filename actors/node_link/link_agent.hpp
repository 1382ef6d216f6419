// Link agents stand in for the other node: to client_conns, a front agent is their DC connection;
// to DC connections, a back agent is their clients. They are paired, one pair per reactor of the
// front and back, and carry all events of their streams between them, in order, gathered into
// blobs.
//
//   client_conn --frame_from_client--> front agent ==link_blob==> back agent --> dc_conn
//
// This is the common part of front and back agents.
#pragma once

#include <functional>

#include "actors/core/memory_holder.hpp"
#include "actors/node_link/link_messages.hpp"
#include "actors/node_link/node_link_side.hpp"
#include "actors/uplink/uplink.hpp"
#include "codecs/node_link/link_channel.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::actors {

/// The other agent of a pair, for one session.
struct link_peer {
  link_peer(std::uint64_t session, caf::actor partner, net::steady_clock::time_point now)
      : channel{session}, agent{std::move(partner)}, heard{now}, spoke{now} {}

  link_channel channel;
  caf::actor agent;
  /// When the last blob came, and when the last one went.
  net::steady_clock::time_point heard;
  net::steady_clock::time_point spoke;
};

class link_agent : public net::pinned_actor, protected memory_holder, private net::io_source {
 public:
  link_agent(caf::actor_config& cfg, net::reactor& home, node_link_side& side);

 protected:
  /// A stream that migrated is remembered this long: data may still come back refused.
  static constexpr std::chrono::seconds release_time{60};
  using time_point = net::steady_clock::time_point;

  /// Peers with a session.
  virtual void for_each_peer(const std::function<void(link_peer&)>& each) = 0;
  /// Time to forget streams released before `limit`.
  virtual void sweep(time_point limit) = 0;
  /// Is called once per second.
  virtual void on_tick() {}

  void begin();
  void send_to(link_peer& peer, stream_frame frame);
  /// Ends the stream with the most bytes that wait for this peer. Returns how many bytes that were.
  virtual std::size_t drop_largest_of(link_peer& peer) = 0;
  /// If more bytes wait for the peer than may: ends streams, those with the most bytes first.
  void limit_backlog(link_peer& peer);
  /// Whether the peer has begun more packets than an honest peer would.
  [[nodiscard]] bool floods(const link_peer& peer) const noexcept;
  /// Sends the gathered frames now.
  void flush(link_peer& peer);
  /// Reports to the ledger how much is held now.
  void note_memory();
  [[nodiscard]] node_link_side& side() const noexcept { return *side_; }
  [[nodiscard]] const config::settings& settings() const { return side_->core.settings(home()); }

  void on_due(net::timer& due) override;
  void stopped() override;

 private:
  void on_io(std::uint32_t) final {}
  void on_flush() final;

  node_link_side* side_;
  counter dropped_;
  net::timer tick_timer_;
  std::uint64_t ticks_ = 0;
  /// The bytes held that `node_core::memory` was last told of.
  std::size_t held_ = 0;
};

/// Whether a frame to a client ends its stream.
[[nodiscard]] bool ends_stream(const event_to_client& event) noexcept;

}  // namespace mtp::actors
