// From the ports that are served to those that are to be: at a start from none.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "actors/client/client_side.hpp"

namespace mtp::app {

class port_change {
 public:
  /// Does all that can fail: binds what is new. A port is the same as before if name and address
  /// are; one that only has another name keeps its sockets. `wanted.ports` get the ports that the
  /// kernel chose. `own` are numbers of ports that this process has now, of any kind: their
  /// addresses may be taken over. Nothing is changed yet: dropping the result takes it all back.
  /// Errors, for the operator: a port that can't be served.
  [[nodiscard]] static tl::expected<port_change, std::string> prepare(
      actors::client_side& side, config::client_config& wanted,
      const std::set<std::uint16_t>& own = {});

  /// From now on new clients meet the new ports and secrets, and clients whose secret or tag has
  /// changed, or whose port is gone, have to leave. Cannot fail (a port at which the kernel does
  /// not want to listen is told to the log). Listeners still have to be stopped and started.
  void publish(net::steady_clock::time_point now);

  /// All that will be served.
  [[nodiscard]] const std::vector<actors::served_port>& served() const noexcept { return served_; }
  [[nodiscard]] const std::vector<actors::served_port>& added() const noexcept { return added_; }
  [[nodiscard]] const std::vector<actors::served_port>& removed() const noexcept {
    return removed_;
  }
  /// Lets go of the sockets of removed ports.
  void forget_removed() { removed_.clear(); }

 private:
  explicit port_change(actors::client_side& side) : side_{&side} {}

  [[nodiscard]] tl::expected<void, std::string> add(config::port_settings& port,
                                                    const std::vector<config::port_settings>& all,
                                                    const std::vector<actors::served_port>& before,
                                                    const std::set<std::uint16_t>& own);
  /// The UNIX socket of a port, bound if it was not. Error, for the operator.
  [[nodiscard]] tl::expected<std::shared_ptr<net::bound_port>, std::string> socket_of(
      const config::port_settings& port, const std::vector<actors::served_port>& before);
  /// The sockets at the address of a port, likewise.
  [[nodiscard]] tl::expected<std::shared_ptr<net::bound_port>, std::string> addresses_of(
      const config::port_settings& port, const std::vector<config::port_settings>& all,
      const std::vector<actors::served_port>& before, const std::set<std::uint16_t>& own) const;
  void leave_ports(net::steady_clock::time_point now);

  actors::client_side* side_;
  /// As wanted, plain ones behind, and as they will be served, in the same order.
  std::vector<config::port_settings> settings_;
  std::vector<actors::served_port> served_;
  std::vector<actors::served_port> added_;
  std::vector<actors::served_port> removed_;
  /// UNIX sockets that stay, and their new permissions.
  std::vector<std::pair<std::shared_ptr<net::bound_port>, net::socket_access>> access_;
};

/// Options of clients' sockets, set on the listening ones that they have them from: five calls less
/// for each.
void set_client_options(const std::vector<actors::served_port>& ports);

}  // namespace mtp::app
