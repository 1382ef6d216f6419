// Connects the clients of a front's reactor with all backs: chooses a back for each stream, carries
// its events there, and holds clients while there is no back.
#pragma once

#include <map>
#include <unordered_map>

#include "actors/node_link/link_agent.hpp"

namespace mtp::actors {

/// Messages:
/// - `open_stream` (request), `cancel_stream`, `frame_from_client`: it stands in for a pool and its
///   dc_conns. While no back can be reached, clients wait here; with too many waiting
///   already the answer is `refused` with `overloaded`. A client_conn that has waited long enough
///   leaves by itself.
/// A stream that the back wants to migrate gets `refused` if the back has not confirmed all of its
/// data: that may come too late for the DC connection.
/// - `link_up`, `link_down` from back_sessions. A stream whose session ends gets `migrate`, or
///   `refused` if something of it may have been lost.
/// - `config_changed`. The streams of a back that is no longer in `back_nodes` get `migrate`, once
///   another back can be reached: each when it has been quiet for a moment and nothing of it can be
///   lost, all others after `drain_timeout_sec`. The back's session hears of it (`back_usage`).
/// - `link_blob` from its partners.
class front_agent final : public link_agent {
 public:
  front_agent(caf::actor_config& cfg, net::reactor& home, node_link_side& side);
  [[nodiscard]] const char* name() const override { return "front_agent"; }

 private:
  struct stream {
    caf::actor client;
    /// The place of its back.
    std::size_t back = 0;
    bool is_open = false;
    /// When an event of it last came or went.
    time_point used;
    /// When it ended for the back; nothing before that.
    std::optional<time_point> released;
    /// Its client was told to go elsewhere, as the back is being left.
    bool is_moved = false;
  };
  struct back {
    std::optional<link_peer> peer;
    /// Its streams that have not ended for it.
    std::size_t streams = 0;
    /// As `known_back` has it.
    bool is_leaving = false;
    /// Since when its streams are being moved.
    std::optional<time_point> emptied_since;
    bool is_told_unused = false;
  };
  using stream_map = std::unordered_map<stream_id, stream>;

  caf::behavior start() override;
  void stopped() override;
  bool on_message(caf::mailbox_element& x) override;
  void for_each_peer(const std::function<void(link_peer&)>& each) override;
  void sweep(time_point limit) override;
  void on_tick() override;
  [[nodiscard]] std::size_t largest_held() const override;
  std::size_t drop_largest() override;
  std::size_t drop_largest_of(link_peer& peer) override;

  // Streams.
  void handle_open(open_stream& request);
  void handle_cancel(stream_id id);
  void open(const open_stream& request, std::size_t at);
  /// Nothing if no back can be reached.
  [[nodiscard]] std::optional<std::size_t> choose_back() const;
  stream_map::iterator forget(stream_map::iterator entry);
  void release(stream& client_stream);
  void handle_local_frame(frame_from_client& frame);
  void handle_late_frame(stream_map::iterator entry, const frame_from_client& frame);

  // Backs.
  void follow_backs();
  /// Moves the streams that can be moved from a back that is being left.
  void empty(std::size_t place, back& from);
  void move_quiet_streams(std::size_t place);

  // Sessions.
  void handle_up(const link_up& up);
  void handle_down(const link_down& down);
  void end_session(std::size_t at);
  void give_up(std::size_t at, std::string why);
  void handle_blob(const link_blob& blob);
  void handle_peer_frame(std::size_t at, stream_frame& frame);

  /// By place.
  std::map<std::size_t, back> backs_;
  /// Places in the order of `back_nodes`; then the places of backs that are being left.
  std::vector<std::size_t> order_;
  stream_map streams_;
  /// Clients for which no back was reachable, oldest first.
  std::map<stream_id, open_stream> waiting_;
};

}  // namespace mtp::actors
