#include "actors/client_handler_sup.hpp"

#include <caf/all.hpp>

#include "actors/client_handler.hpp"

namespace mtp::actors {

client_handler_sup::client_handler_sup(caf::actor_config& cfg, net::reactor& home, environment& env)
    : pinned_actor{cfg, home}, env_{&env} {}

caf::behavior client_handler_sup::start() {
  set_exit_handler([this](caf::exit_msg& asked) {
    auto& clients = env_->clients[home().index()];
    while (auto* const one = clients.front())
      one->run_as_handler([one] { one->quit(caf::exit_reason::user_shutdown); });
    quit(asked.reason);
  });
  return {[this](const list_clients& what) { return overview(what.limit); }};
}

client_overview client_handler_sup::overview(std::size_t limit) {
  const auto& clients = env_->clients[home().index()];
  client_overview out{.total = clients.size(), .groups = {}, .ungrouped = 0, .clients = {}};
  clients.for_each([&](const client_handler& one) {
    auto status = one.status(home().now());
    count_clients(out, status.group, 1);
    if (out.clients.size() < limit) out.clients.push_back(std::move(status));
  });
  return out;
}

}  // namespace mtp::actors
