// What changes of the link between nodes when their configuration does.
#pragma once

#include <set>
#include <string>
#include <tl/expected.hpp>

#include "actors/node_link/node_link_side.hpp"
#include "config/settings.hpp"

namespace mtp::app {

/// Where a back waits for fronts. Error, for the operator: the port can't be had. `beside_own`: as
/// for bound_port.
[[nodiscard]] tl::expected<actors::link_port, std::string> bind_link(const endpoint& at,
                                                                     bool beside_own = false);

/// Made in two steps: `prepare` does all that can fail, `publish` the rest.
class link_change {
 public:
  /// `running` is what the node goes by now. Reads certificates: connections to come use them, also
  /// if nothing is published. Error, for the operator: a file that can't be used, or the port can't
  /// be had; then nothing is changed. `own`: as for port_change.
  [[nodiscard]] static tl::expected<link_change, std::string> prepare(
      actors::node_link_side& side, const config::link_config& running,
      const config::link_config& wanted, const std::set<std::uint16_t>& own = {});

  /// After the settings: actors are started and told.
  void publish(const config::settings& wanted);

 private:
  explicit link_change(actors::node_link_side& side) : side_{&side} {}

  actors::node_link_side* side_;
  /// Nothing if that stays.
  actors::link_port port_;
};

}  // namespace mtp::app
