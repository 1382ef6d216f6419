// Connections at a back's port that are not a front's: the site of `node_link.fronting` answers
// them. Part of link_listener.
#pragma once

#include <list>
#include <map>
#include <memory>

#include "actors/core/client_network.hpp"
#include "actors/core/cover_connection.hpp"
#include "actors/core/limited_log.hpp"
#include "actors/node_link/node_link_side.hpp"
#include "net/dial/own_addresses.hpp"
#include "net/node_link/link_places.hpp"

namespace mtp::actors {

/// Of its actor's thread.
class link_strangers {
 public:
  /// For another one, one of the busiest network has to go.
  static constexpr net::link_place_limits places{.in_all = 256, .per_network = 128, .per_host = 64};
  /// New ones per second and address (IPv6: /64). A site that leads back here by NAT would make
  /// each connection a new one, for ever.
  static constexpr std::size_t rate = 50;
  /// They leave so many descriptors free for fronts and connections to Telegram.
  static constexpr std::size_t spare_descriptors = 32;
  /// Without a byte either way.
  static constexpr std::chrono::seconds idle_limit{600};

  link_strangers(net::pinned_actor& actor, node_link_side& side);
  link_strangers(const link_strangers&) = delete;
  link_strangers& operator=(const link_strangers&) = delete;
  link_strangers(link_strangers&&) = delete;
  link_strangers& operator=(link_strangers&&) = delete;
  ~link_strangers();

  /// Connects it with the site: all that it has sent goes there. It is closed if its address makes
  /// too many, if there are no descriptors, or if the site is where it came to.
  void forward(net::unique_fd fd, const endpoint& remote, const config::fronting_target& site);

 private:
  class stay;

  /// Why it is not forwarded, for the log; empty: it is.
  [[nodiscard]] std::string why_not(const net::unique_fd& fd, const endpoint& remote,
                                    const endpoint& local, const config::fronting_target& site);
  [[nodiscard]] bool is_within_rate(const ip_address& from);
  void begin(net::unique_fd fd, const endpoint& remote, const endpoint& local,
             const config::fronting_target& site);
  void on_unreachable(stay& from, int error, const std::string& why);
  void end(stay& over, bool reset = false);

  net::pinned_actor* actor_;
  node_link_side* side_;
  net::own_addresses addresses_;
  std::list<std::unique_ptr<stay>> stays_;
  net::link_places places_{places};
  /// New ones by network since `counted_since_`.
  std::map<client_network, std::size_t> counted_;
  net::steady_clock::time_point counted_since_;
  /// By trouble.
  limited_log events_{4};
};

}  // namespace mtp::actors
