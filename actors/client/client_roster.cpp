#include "actors/client/client_roster.hpp"

#include <caf/all.hpp>
#include <optional>
#include <vector>

#include "actors/client/client_conn.hpp"

namespace mtp::actors {

void end_clients(const client_list& clients) {
  while (auto* const client = clients.front())
    client->run_as_handler([client] { client->quit(caf::exit_reason::user_shutdown); });
}

client_roster::client_roster(caf::actor_config& cfg, net::reactor& home, client_side& side)
    : pinned_actor{cfg, home}, side_{&side}, drain_timer_{*this} {}

caf::behavior client_roster::start() {
  set_exit_handler([this](caf::exit_msg& asked) {
    end_clients(side_->clients[home().index()]);
    quit(asked.reason);
  });
  // What has changed while there was no roster.
  heed_config();
  return {[this](const list_clients& request) { return overview(request.limit); },
          [this](config_changed) { heed_config(); }};
}

client_roster::time_outs client_roster::current_time_outs() const {
  const auto& settings = side_->core.settings(home()).client;
  return {.ready = settings.ready_timeout,
          .hibernate = settings.hibernate_timeout,
          .send = settings.upstream_send_timeout,
          .fronting_idle = settings.fronting.idle_timeout};
}

void client_roster::heed_config() {
  drain();
  const auto now = current_time_outs();
  if (std::exchange(time_outs_, now) == now) return;
  std::vector<client_conn*> clients;
  side_->clients[home().index()].for_each([&](client_conn& client) { clients.push_back(&client); });
  for (auto* const client : clients)
    client->run_as_handler([client] { client->rearm_timers(); });
}

void client_roster::drain() {
  drain_timer_.cancel();
  const auto limit = side_->core.settings(home()).client.drain_timeout;
  if (limit.count() == 0) return;
  std::vector<client_conn*> leaving;
  std::optional<net::steady_clock::time_point> next;
  side_->clients[home().index()].for_each([&](client_conn& client) {
    const auto since = client.retired();
    if (!since) return;
    if (*since + limit <= home().now())
      leaving.push_back(&client);
    else if (!next || *since + limit < *next)
      next = *since + limit;
  });
  for (auto* const client : leaving)
    client->run_as_handler([client] { client->quit(caf::exit_reason::user_shutdown); });
  if (next) drain_timer_.arm(home().timers(), *next - home().now());
}

client_overview client_roster::overview(std::size_t limit) {
  const auto& clients = side_->clients[home().index()];
  client_overview summary{.total = clients.size(), .groups = {}, .ungrouped = 0, .clients = {}};
  clients.for_each([&](const client_conn& client) {
    auto status = client.status(home().now());
    count_clients(summary, status.group, 1);
    if (summary.clients.size() < limit) summary.clients.push_back(std::move(status));
  });
  return summary;
}

}  // namespace mtp::actors
