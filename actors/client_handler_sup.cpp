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
  return {[](const caf::unit_t&) {}};
}

}  // namespace mtp::actors
