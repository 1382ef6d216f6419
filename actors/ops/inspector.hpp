// Reports on the node, for operators and for metrics: asks supervisors, pools, DC connections and
// clients, and puts their answers together. app/console_text renders the reports; another node is
// asked for a text of its own (link_gateway).
#pragma once

#include <caf/stateful_actor.hpp>

#include "actors/client/client_status.hpp"
#include "actors/client/hello_census.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/node_link/back_session.hpp"
#include "actors/node_link/link_gateway.hpp"
#include "actors/node_link/link_listener.hpp"
#include "actors/ops/node_parts.hpp"
#include "actors/uplink/middle/dc_pool.hpp"

namespace mtp::actors {

/// How long an actor may take to answer. A report does without the actors that take longer, and
/// names them: `trouble` says what is missing and why, or is empty.
inline constexpr std::chrono::seconds inspection_patience{1};

/// Bounds of reports.
inline constexpr std::size_t max_inspected_conns = 1000;
inline constexpr std::size_t max_inspected_clients = 1000;

/// Message (request): replies with a `tree_report`.
struct inspect_tree {};
struct tree_node {
  /// Place of its supervisor in the report; the root's is its own.
  std::size_t parent = 0;
  /// Its name; for children without a name, their kind.
  std::string id;
  restart_policy restart = restart_policy::permanent;
  /// Of a supervisor.
  std::optional<supervision_strategy> strategy;
  std::uint64_t restarts = 0;
  bool running = true;
  /// Alike children without names are one node.
  std::size_t count = 1;
  /// Why a supervisor's children are not in the report.
  std::string trouble;
};
struct tree_report {
  /// The root first; children behind their supervisor, in their order.
  std::vector<tree_node> nodes;
};

/// Message (request): replies with a `pools_report`.
struct inspect_pools {};
struct pool_report {
  dc_id dc = 0;
  dc_pool_status status;
  std::string trouble;
};
struct pools_report {
  /// Ascending.
  std::vector<pool_report> pools;
};

/// Message (request): replies with a `conns_report`.
struct inspect_conns {};
struct conn_report {
  /// The pool's account of the connection; without the handle.
  pool_conn_status known;
  dc_conn_status status;
  std::string trouble;
};
struct pool_conns {
  dc_id dc = 0;
  std::vector<conn_report> conns;
  std::string trouble;
};
struct conns_report {
  std::vector<pool_conns> pools;
  /// Connections beyond `max_inspected_conns`.
  std::size_t left_out = 0;
};

/// Message (request): replies with a `clients_report`.
struct inspect_clients {
  /// How many to list one by one, at most `max_inspected_clients`.
  std::size_t limit = 0;
};
struct clients_report {
  client_overview clients;
  /// A line per reactor that did not answer.
  std::vector<std::string> trouble;
};

/// Message (request): replies with a `process_report`. No other actor is asked.
struct inspect_process {};
struct process_report {
  /// Values of `connections_gauge`: of each port, also of those that are gone and have clients.
  metrics::gauge_values connections;
  /// Values of `fronted_gauge`.
  metrics::gauge_values fronted;
  /// Values of `memory_gauge`.
  metrics::gauge_values memory;
  /// Values of `replay_file_gauge`.
  metrics::gauge_values replay_file;
};
inline constexpr metrics::gauge_name connections_gauge{.name = "mtproto_proxy_connections_count",
                                                       .help = "Clients connected now"};
inline constexpr metrics::gauge_name fronted_gauge{
    .name = "mtproto_proxy_fronted_connections",
    .help = "Connections that are forwarded to a cover site now"};
inline constexpr metrics::gauge_name memory_gauge{.name = "mtproto_proxy_memory_bytes",
                                                  .help = "Memory of the process, and its budget"};
inline constexpr metrics::gauge_name replay_file_gauge{
    .name = "mtproto_proxy_replay_file_bytes",
    .help = "Size of the file that remembers handshakes"};

/// Message (request): replies with a `counts_report`. No other actor is asked.
struct inspect_counts {};
struct counts_report {
  /// Counters and histograms, then the gauges of a `process_report`.
  std::vector<metrics::family> families;
};

/// Message (request): replies with a `hellos_report`. No other actor is asked.
struct inspect_hellos {};
inline constexpr std::size_t max_inspected_hellos = 32;
struct hellos_report {
  /// The most frequent first, at most `max_inspected_hellos`.
  std::vector<counted_hello> hellos;
};

/// Message (request): replies with a `nodes_report`.
struct inspect_nodes {};
struct back_report {
  back_status status;
  std::string trouble;
};
struct nodes_report {
  std::string name;
  config::node_role role = config::node_role::both;
  std::string build;
  /// Of a front, as configured.
  std::vector<back_report> backs;
  /// Of a back that can tell.
  std::optional<std::vector<front_status>> fronts;
  std::vector<link_connection> connections;
  /// A line for each missing part.
  std::vector<std::string> trouble;
};

struct inspector_state {
  explicit inspector_state(caf::event_based_actor* actor) : self{actor} {}

  caf::result<tree_report> tree();
  caf::result<pools_report> pools();
  caf::result<conns_report> conns();
  caf::result<clients_report> clients(std::size_t limit);
  [[nodiscard]] hellos_report hellos() const;
  [[nodiscard]] process_report process() const;
  [[nodiscard]] counts_report counts() const;
  caf::result<nodes_report> nodes();

  caf::event_based_actor* self;
  node_parts* node = nullptr;

  static inline const char* name = "inspector";
};

/// Behavior: the requests above. Each is answered within a few times `inspection_patience`, even if
/// other actors hang; none fails.
caf::behavior inspector(caf::stateful_actor<inspector_state>* self, node_parts& node);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_tree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::tree_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_pools)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::pools_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_conns)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::conns_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_clients)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::clients_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_hellos)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::hellos_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_process)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::process_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_counts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::counts_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::inspect_nodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::nodes_report)
