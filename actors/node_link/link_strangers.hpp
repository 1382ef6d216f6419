// Connections at a back's port that are not a front's: the site of `node_link.fronting` answers
// them. Part of link_listener.
#pragma once

#include <list>
#include <memory>

#include "actors/core/cover_connection.hpp"
#include "actors/core/limited_log.hpp"
#include "actors/core/node_core.hpp"
#include "net/dial/own_addresses.hpp"
#include "net/relay/pipe_pool.hpp"

namespace mtp::actors {

/// Of its actor's thread.
class link_strangers {
 public:
  /// At a time; for another one, the one goes that has been idle for longest.
  static constexpr std::size_t most = 256;
  /// New ones per second, on average and at once. A site that leads back here by NAT would make
  /// each connection a new one, for ever.
  static constexpr std::size_t rate = 50;
  static constexpr std::size_t burst = 200;
  /// Without a byte either way.
  static constexpr std::chrono::seconds idle_limit{600};

  link_strangers(net::pinned_actor& actor, node_core& core);
  link_strangers(const link_strangers&) = delete;
  link_strangers& operator=(const link_strangers&) = delete;
  link_strangers(link_strangers&&) = delete;
  link_strangers& operator=(link_strangers&&) = delete;
  ~link_strangers();

  /// Connects it with the site: all that it has sent goes there. At more than `rate` it is closed.
  void forward(net::unique_fd fd, const endpoint& remote, const config::fronting_target& site);
  [[nodiscard]] std::size_t size() const noexcept { return stays_.size(); }

 private:
  class stay;

  [[nodiscard]] bool is_within_rate();
  void evict_idlest();
  void on_unreachable(stay& from, int error, const std::string& why);
  void end(stay& over, bool reset = false);

  net::pinned_actor* actor_;
  node_core* core_;
  net::pipe_pool pipes_;
  net::own_addresses addresses_;
  std::list<std::unique_ptr<stay>> stays_;
  /// What is left of `burst`, and when that was reckoned.
  double left_ = burst;
  net::steady_clock::time_point reckoned_;
  /// By trouble.
  limited_log events_{4};
};

}  // namespace mtp::actors
