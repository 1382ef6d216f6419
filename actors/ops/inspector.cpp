#include "actors/ops/inspector.hpp"

#include <algorithm>
#include <caf/all.hpp>
#include <map>

#include "actors/core/names.hpp"
#include "actors/ops/proxy_sup.hpp"

namespace mtp::actors {

namespace {

constexpr const char* not_running = "not running";

std::string describe(const caf::error& why) {
  if (why == caf::sec::request_timeout)
    return "no answer in " + std::to_string(inspection_patience.count()) + " s";
  return why == caf::sec::request_receiver_down ? not_running : caf::to_string(why);
}

/// A report with answers of several actors: delivered when all have answered or failed.
template <class Report>
class gathering {
 public:
  explicit gathering(caf::event_based_actor* self)
      : self_{self}, promise_{self->make_response_promise<Report>()} {}

  Report report;

  /// Asks `whom`. Then `take` gets its answer, or `miss` the reason why there is none.
  template <class Answer, class Question, class Take, class Miss>
  static void ask(const std::shared_ptr<gathering>& all, const caf::actor& whom, Question question,
                  Take take, Miss miss) {
    if (whom == nullptr) return miss(std::string{not_running});
    ++all->open_;
    all->self_->request(whom, inspection_patience, std::move(question))
        .then(
            [all, take](Answer& answer) {
              take(answer);
              all->done();
            },
            [all, miss](const caf::error& why) {
              miss(describe(why));
              all->done();
            });
  }

  /// Call it once, when all actors known at the beginning have been asked.
  caf::result<Report> asked() {
    done();
    return promise_;
  }

 private:
  void done() {
    if (--open_ == 0) promise_.deliver(std::move(report));
  }

  caf::event_based_actor* self_;
  caf::typed_response_promise<Report> promise_;
  std::size_t open_ = 1;
};

template <class Report>
using shared_gathering = std::shared_ptr<gathering<Report>>;

/// The name of its class.
std::string what_is(const caf::actor& actor) {
  if (actor == nullptr) return "?";
  const auto* const local =
      dynamic_cast<const caf::local_actor*>(caf::actor_cast<caf::abstract_actor*>(actor));
  return local != nullptr ? local->name() : "?";
}

/// Adds a child to the tree, to others like it if it has no name.
void add_child(std::vector<tree_node>& nodes, std::size_t parent, const child_status& child) {
  tree_node added{.parent = parent,
                  .id = child.id,
                  .restart = child.restart,
                  .strategy = child.strategy,
                  .restarts = child.restarts,
                  .running = child.handle != nullptr};
  if (child.id.empty()) {
    added.id = what_is(child.handle);
    const auto alike = std::ranges::find_if(nodes, [&](const tree_node& listed) {
      return listed.parent == parent && listed.id == added.id;
    });
    if (alike != nodes.end()) {
      ++alike->count;
      alike->restarts += added.restarts;
      return;
    }
  }
  nodes.push_back(std::move(added));
}

void add_children(const shared_gathering<tree_report>& all, std::size_t parent,
                  const caf::actor& supervisor) {
  gathering<tree_report>::ask<std::vector<child_status>>(
      all, supervisor, list_children{},
      [all, parent](const std::vector<child_status>& children) {
        for (const auto& child : children) {
          add_child(all->report.nodes, parent, child);
          if (child.strategy) add_children(all, all->report.nodes.size() - 1, child.handle);
        }
      },
      [all, parent](std::string why) { all->report.nodes[parent].trouble = std::move(why); });
}

void add_conns(const shared_gathering<conns_report>& all, pool_conns& pool,
               const std::vector<pool_conn_status>& known, std::size_t room) {
  const auto shown = std::min(known.size(), room);
  all->report.left_out += known.size() - shown;
  for (std::size_t i = 0; i < shown; ++i)
    pool.conns.push_back({.known = known[i], .status = {}, .trouble = {}});
  // Only now: places in the vector are kept until answers come.
  for (auto& conn : pool.conns) {
    // The report must not keep an actor alive that has ended.
    const auto handle = std::exchange(conn.known.handle, nullptr);
    gathering<conns_report>::ask<dc_conn_status>(
        all, handle, get_dc_conn_status{},
        [all, &conn](const dc_conn_status& status) { conn.status = status; },
        [all, &conn](std::string why) { conn.trouble = std::move(why); });
  }
}

void add_clients(client_overview& into, client_overview& from, std::size_t limit) {
  into.total += from.total;
  into.ungrouped += from.ungrouped;
  for (const auto& [group, count] : from.groups)
    count_clients(into, group, count);
  std::ranges::move(from.clients, std::back_inserter(into.clients));
  std::ranges::stable_sort(into.clients, std::ranges::greater{}, &client_status::age);
  if (into.clients.size() > limit) into.clients.resize(limit);
}

metrics::gauge_values connections_of(const client_side& side) {
  std::map<std::string, double> counted;
  const auto add = [&](const open_port& port) {
    counted[port.name] += static_cast<double>(port.connections.load());
  };
  const auto served_now = side.ports.get();
  for (const auto& served : *served_now)
    add(*served.port);
  const auto left = side.left_ports.get();
  for (const auto& known : *left)
    if (const auto port = known.lock()) add(*port);
  metrics::gauge_values values;
  for (const auto& [port, count] : counted)
    values.push_back({{{"listener", port}}, count});
  return values;
}

void add_gauge(counts_report& report, const metrics::gauge_name& gauge,
               const metrics::gauge_values& values) {
  if (values.empty()) return;
  metrics::family added{
      .name = std::string{gauge.name}, .help = {}, .type = metrics::kind::gauge, .samples = {}};
  for (const auto& [labels, value] : values)
    added.samples.push_back({.labels = labels, .value = value});
  report.families.push_back(std::move(added));
}

/// None on a front.
std::vector<dc_id> known_dcs(const node_parts& node) {
  return node.uplink != nullptr ? node.uplink->telegram.get()->dcs() : std::vector<dc_id>{};
}

}  // namespace

caf::result<tree_report> inspector_state::tree() {
  const auto all = std::make_shared<gathering<tree_report>>(self);
  const auto root = node->core.names.find(names::root);
  all->report.nodes.push_back(
      {.id = std::string{names::root}, .strategy = strategy_of(root), .running = root != nullptr});
  add_children(all, 0, root);
  return all->asked();
}

caf::result<pools_report> inspector_state::pools() {
  const auto all = std::make_shared<gathering<pools_report>>(self);
  for (const auto dc : known_dcs(*node))
    all->report.pools.push_back({.dc = dc, .status = {}, .trouble = {}});
  for (auto& pool : all->report.pools)
    gathering<pools_report>::ask<dc_pool_status>(
        all, node->core.names.find(names::dc_pool(pool.dc)), get_dc_pool_status{},
        [all, &pool](const dc_pool_status& status) { pool.status = status; },
        [all, &pool](std::string why) { pool.trouble = std::move(why); });
  return all->asked();
}

caf::result<conns_report> inspector_state::conns() {
  const auto all = std::make_shared<gathering<conns_report>>(self);
  const auto room = std::make_shared<std::size_t>(max_inspected_conns);
  for (const auto dc : known_dcs(*node))
    all->report.pools.push_back({.dc = dc, .conns = {}, .trouble = {}});
  for (auto& pool : all->report.pools)
    gathering<conns_report>::ask<std::vector<pool_conn_status>>(
        all, node->core.names.find(names::dc_pool(pool.dc)), list_pool_conns{},
        [all, room, &pool](const std::vector<pool_conn_status>& known) {
          add_conns(all, pool, known, *room);
          *room -= pool.conns.size();
        },
        [all, &pool](std::string why) { pool.trouble = std::move(why); });
  return all->asked();
}

caf::result<clients_report> inspector_state::clients(std::size_t limit) {
  limit = std::min(limit, max_inspected_clients);
  const auto all = std::make_shared<gathering<clients_report>>(self);
  for (const auto& reactor : node->core.reactors) {
    const auto index = std::to_string(reactor->index());
    gathering<clients_report>::ask<client_overview>(
        all, node->core.names.find(names::client_roster(reactor->index())), list_clients{limit},
        [all, limit](client_overview& some) { add_clients(all->report.clients, some, limit); },
        [all, index](const std::string& why) {
          all->report.trouble.push_back(std::string{"reactor "}.append(index) + ": " + why);
        });
  }
  return all->asked();
}

hellos_report inspector_state::hellos() const {
  if (node->client == nullptr) return {};
  return {.hellos = node->client->hellos.top(max_inspected_hellos)};
}

process_report inspector_state::process() const {
  const auto* const clients = node->client;
  std::size_t replays = clients != nullptr ? clients->replays.memory() : 0;
  if (clients != nullptr && clients->shared_replays != nullptr)
    replays += clients->shared_replays->memory();
  process_report report{.connections = {},
                        .fronted = {},
                        .memory = memory_values(node->core.memory, replays),
                        .replay_file = {}};
  if (clients == nullptr) return report;
  report.connections = connections_of(*clients);
  report.fronted.push_back({{}, static_cast<double>(clients->fronted.size())});
  report.replay_file.push_back({{}, static_cast<double>(clients->journal.size())});
  return report;
}

counts_report inspector_state::counts() const {
  const auto now = process();
  counts_report report{node->core.metrics.read_counts()};
  add_gauge(report, connections_gauge, now.connections);
  add_gauge(report, fronted_gauge, now.fronted);
  add_gauge(report, memory_gauge, now.memory);
  add_gauge(report, replay_file_gauge, now.replay_file);
  return report;
}

caf::result<nodes_report> inspector_state::nodes() {
  const auto all = std::make_shared<gathering<nodes_report>>(self);
  auto& report = all->report;
  const auto settings = node->core.config.get();
  report.name = settings->link.node_name;
  report.role = settings->process.role;
  report.build = node->core.build;
  const auto missing = [all](std::string_view part) {
    return [all, part](const std::string& why) {
      all->report.trouble.push_back(std::string{part} + ": " + why);
    };
  };
  if (node->link != nullptr && node->client != nullptr) {
    const auto known = node->link->backs.get();
    report.backs.resize(known->size());
    for (std::size_t i = 0; i < known->size(); ++i) {
      auto& back = report.backs[i];
      back.status.where = to_string((*known)[i]);
      gathering<nodes_report>::ask<back_status>(
          all, node->core.names.find(names::back_session((*known)[i].place)), get_back_status{},
          [all, &back](const back_status& status) { back.status = status; },
          [all, &back](std::string why) { back.trouble = std::move(why); });
    }
  }
  if (node->link != nullptr && node->uplink != nullptr)
    gathering<nodes_report>::ask<std::vector<front_status>>(
        all, node->core.names.find(names::link_gateway), get_fronts{},
        [all](std::vector<front_status>& fronts) { all->report.fronts = std::move(fronts); },
        missing("fronts"));
  if (node->link != nullptr && node->link->port.get()->sockets != nullptr)
    gathering<nodes_report>::ask<std::vector<link_connection>>(
        all, node->core.names.find(names::link_listener), get_link_connections{},
        [all](std::vector<link_connection>& some) { all->report.connections = std::move(some); },
        missing("connections"));
  return all->asked();
}

caf::behavior inspector(caf::stateful_actor<inspector_state>* self, node_parts& node) {
  auto& state = self->state;
  state.node = &node;
  return {
      [&state](inspect_tree) { return state.tree(); },
      [&state](inspect_pools) { return state.pools(); },
      [&state](inspect_conns) { return state.conns(); },
      [&state](const inspect_clients& request) { return state.clients(request.limit); },
      [&state](inspect_process) { return state.process(); },
      [&state](inspect_hellos) { return state.hellos(); },
      [&state](inspect_counts) { return state.counts(); },
      [&state](inspect_nodes) { return state.nodes(); },
  };
}

}  // namespace mtp::actors
