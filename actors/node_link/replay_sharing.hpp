// A back_session's part in what fronts tell each other of handshakes: it sends the back those that
// this front has seen, and remembers those that the back has heard of from other fronts.
#pragma once

#include <caf/actor.hpp>

#include "actors/node_link/node_link_side.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::actors {

/// Used by its actor alone.
class replay_sharing {
 public:
  /// `self` and `side` outlive it.
  replay_sharing(net::pinned_actor& self, node_link_side& side);

  /// A session has begun with a back that has `link_capability::seen_handshakes`: it is told again
  /// of all that is remembered, as it may have forgotten.
  void begin(caf::actor gateway, std::uint64_t session);
  /// The session is over. Does nothing if there is none.
  void end();
  /// `replay_share` may have changed, or a session has begun.
  void follow();
  /// The timer is due: sends what is new, at most one batch.
  void send();
  [[nodiscard]] net::timer& timer() noexcept { return timer_; }

  /// The back tells of a batch that `front` has seen. Ignored unless it is of the present session.
  void take(std::uint64_t session, const std::string& front, const std::string& batch);

 private:
  void confirm(std::uint64_t session, shared_replays::own_ring::place next, std::size_t count);

  net::pinned_actor* self_;
  node_link_side* side_;
  net::timer timer_;
  caf::actor gateway_;
  std::uint64_t session_ = 0;
  /// The back knows that this front shares.
  bool is_on_ = false;
  bool is_under_way_ = false;
  /// Of this front's handshakes, the first that the back has not confirmed; nothing before it has
  /// confirmed any.
  std::optional<shared_replays::own_ring::place> unconfirmed_;
};

}  // namespace mtp::actors
