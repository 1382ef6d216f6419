#include "actors/client/client_roster.hpp"

#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"

namespace mtp::actors {

client_roster::client_roster(caf::actor_config& cfg, net::reactor& home, client_side& side)
    : pinned_actor{cfg, home}, side_{&side} {}

caf::behavior client_roster::start() {
  set_exit_handler([this](caf::exit_msg& asked) {
    auto& clients = side_->clients[home().index()];
    while (auto* const one = clients.front())
      one->run_as_handler([one] { one->quit(caf::exit_reason::user_shutdown); });
    quit(asked.reason);
  });
  return {[this](const list_clients& what) { return overview(what.limit); }};
}

client_overview client_roster::overview(std::size_t limit) {
  const auto& clients = side_->clients[home().index()];
  client_overview out{.total = clients.size(), .groups = {}, .ungrouped = 0, .clients = {}};
  clients.for_each([&](const client_conn& one) {
    auto status = one.status(home().now());
    count_clients(out, status.group, 1);
    if (out.clients.size() < limit) out.clients.push_back(std::move(status));
  });
  return out;
}

}  // namespace mtp::actors
