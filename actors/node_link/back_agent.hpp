// Stands for one reactor of a front on the back, for one session: opens streams on its behalf and
// carries their events. Ends with the session.
#pragma once

#include <unordered_map>

#include "actors/node_link/link_agent.hpp"

namespace mtp::actors {

/// The partner of the session, and the gateway, which is told when the session can't go on.
struct back_agent_options {
  std::uint64_t session = 0;
  caf::actor front;
  caf::actor gateway;
};

/// Messages:
/// - `link_blob` from its partner. A front that breaks the rules (a stream number twice, more data
///   than it has credit for, bytes that can't be read) ends the session.
/// - `stream_opened`, `frame_to_client` from DC connections, as a client_conn gets them.
/// It ends with its partner and with its gateway. Streams for which something still waited are
/// refused then.
class back_agent final : public link_agent {
 public:
  back_agent(caf::actor_config& cfg, net::reactor& home, node_link_side& side,
             back_agent_options options);
  [[nodiscard]] const char* name() const override { return "back_agent"; }

 private:
  /// A stream has the front's number on the link, and a number of this process here.
  struct stream {
    stream_id local = 0;
    /// The actor that was asked for it, then its DC connection.
    caf::actor conn;
    /// The reactor that `conn` lives on.
    unsigned reactor = 0;
    bool is_open = false;
    /// Data of the client that was not acked, as `credit_of`.
    std::size_t outstanding = 0;
    /// The part of `outstanding` for pieces of a packet that is not whole yet.
    std::size_t charged = 0;
    std::optional<time_point> released;
  };
  using stream_map = std::unordered_map<stream_id, stream>;

  caf::behavior start() override;
  void stopped() override;
  bool on_message(caf::mailbox_element& x) override;
  void for_each_peer(const std::function<void(link_peer&)>& each) override;
  void sweep(time_point limit) override;
  [[nodiscard]] std::size_t largest_held() const override;
  std::size_t drop_largest() override { return front_ ? drop_largest_of(*front_) : 0; }
  std::size_t drop_largest_of(link_peer& peer) override;

  void handle_blob(const link_blob& blob);
  /// False if `credit` more is above the stream's limit.
  [[nodiscard]] static bool charge(stream& to, std::size_t credit);
  /// False if the front broke the rules.
  [[nodiscard]] bool handle_peer_frame(stream_frame& frame);
  [[nodiscard]] bool open(stream_id remote, const mtp::stream::open& request);
  void handle_unanswered(stream_id remote);
  void handle_opened(const stream_opened& opened);
  void handle_local_frame(frame_to_client& frame);
  static void leave(const stream& client_stream);
  stream_map::iterator forget(stream_map::iterator entry);
  void give_up(std::string why);
  void refuse_unsent();
  void close_all();

  back_agent_options options_;
  std::optional<link_peer> front_;
  stream_map by_remote_;
  std::unordered_map<stream_id, stream_id> remote_of_;
  /// How many of the streams have migrated.
  std::size_t released_ = 0;
  stream_id last_remote_ = 0;
};

/// Starts a back_agent, by link_gateway's order to its supervisor. A named type, so that tests can
/// look inside.
struct back_agent_start {
  node_link_side* side = nullptr;
  back_agent_options options;
  unsigned reactor = 0;
  caf::actor operator()() const;
};

}  // namespace mtp::actors
