// The option table: the process, and options of the original that change nothing here.
#include <algorithm>

#include "config/option_table.hpp"
#include "config/option_values.hpp"

namespace mtp::config {

namespace {

using of = values<settings>;

/// Port 0 stands for no endpoint.
endpoint metrics_of(const settings& from) {
  return from.process.metrics_listen.value_or(
      endpoint{.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
}

// The endpoint is one value made of two options.
constexpr auto metrics_ip = computed{[](const settings& from) { return metrics_of(from).ip; },
                                     [](settings& into, ip_address ip) {
                                       into.process.metrics_listen =
                                           endpoint{.ip = ip, .port = metrics_of(into).port};
                                     }};
constexpr auto metrics_port = computed{[](const settings& from) { return metrics_of(from).port; },
                                       [](settings& into, std::uint16_t port) {
                                         into.process.metrics_listen =
                                             endpoint{.ip = metrics_of(into).ip, .port = port};
                                       }};

constexpr std::int64_t mebibyte = 1 << 20;

}  // namespace

option_group process_options() {
  return {
      .name = "process",
      .options = {
          {.key = "reactors",
           .value = of::whole(at(&settings::process, &process_config::reactors),
                              {.least = 0, .most = 256}),
           .unit = "threads",
           .applies = change_time::restart,
           .original = false,
           .line = "Threads that serve sockets. 0: one per processor."},
          {.key = "memory_budget_mb",
           .value = of::whole(at(&settings::process, &process_config::memory_budget),
                              {.least = 64, .most = 1 << 24, .scale = mebibyte}),
           .shown_default = "half of the machine's memory, or of the control group's limit",
           .unit = "MiB",
           .applies = change_time::restart,
           .original = false,
           .line = "How much memory the process may take. 3/8 of it is for bytes that wait for "
                   "clients and for Telegram; at most a quarter is for remembered handshakes "
                   "(`replay_check_session_storage_opts.max_memory_mb`); the rest is for "
                   "everything else. When 7/8 of those 3/8 are used, accepting pauses. After 2 s "
                   "of that, or when all of the 3/8 are used, the clients that hold most are "
                   "closed until a quarter of the 3/8 is free."},
          {.key = "state_dir",
           .value = of::path(at(&settings::process, &process_config::state_dir), any_text),
           .applies = change_time::restart,
           .original = false,
           .example = "\"state\"",
           .line =
               "Directory for the console's socket, for the last good copy of Telegram's "
               "configuration, which is used at a start while core.telegram.org can't be "
               "reached, for handshakes that are remembered over a restart, and for profiles of "
               "cover sites. Relative to "
               "the configuration file. `\"\"`: none."},
          {.key = "console_socket",
           .value = of::path(at(&settings::process, &process_config::console_socket), any_text),
           .shown_default = "`console.sock` in `state_dir`",
           .applies = change_time::restart,
           .original = false,
           .example = "\"console.sock\"",
           .line = "UNIX socket for [`mtproto-proxy console`](console.md). Relative to the "
                   "configuration file; at most 107 bytes. `\"\"`: no console. If it can't be "
                   "served, the proxy warns and runs without a console."},
          {.key = "metrics_port",
           .value = of::whole(metrics_port, {.least = 1, .most = 65535}),
           .shown_default = "none",
           .applies = change_time::live,
           .original = false,
           .line = "Port of a Prometheus endpoint: `http://<metrics_ip>:<metrics_port>/metrics`. A "
                   "connection serves one request, which must come within 2 s; the answer must be "
                   "taken within 10 s."},
          {.key = "metrics_ip",
           .value = of::text(metrics_ip, any_address),
           .applies = change_time::live,
           .original = false,
           .example = "\"::1\"",
           .line = "The address of that endpoint. `\"::\"` takes IPv4 too."},
          {.key = "log_level",
           .value =
               of::word(at(&settings::process, &process_config::log_level), {{"debug", "debug"},
                                                                             {"info", "info"},
                                                                             {"warning", "warning"},
                                                                             {"error", "error"},
                                                                             {"off", "off"}}),
           .applies = change_time::live,
           .original = false,
           .line = "How much is logged: `\"debug\"`, `\"info\"`, `\"warning\"`, `\"error\"` or "
                   "`\"off\"`. Addresses of clients appear only at `\"debug\"`."},
          {.key = "stop_timeout_sec",
           .value = of::duration(at(&settings::process, &process_config::stop_timeout),
                                 {.least = 1, .most = 3600}),
           .unit = "s",
           .applies = change_time::live,
           .original = false,
           .line = "How long stopping may take."},
      }};
}

option_group unused_options() {
  return {
      .name = "unused",
      .options = {
          {.key = "policy",
           .value = of::only_empty("this version has no policies yet, and would let in what yours "
                                   "keeps out; set it to [] or remove it"),
           .applies = change_time::live,
           .line = "Anything but `[]` is refused: this version has no policies, and would let in "
                   "clients that yours keep out."},
          {.key = "num_acceptors",
           .value = of::unused_number({.least = 1}),
           .applies = change_time::live,
           .no_effect = "has no effect: every reactor accepts its own clients",
           .line = "Accepted, with a warning: every reactor accepts its own clients."},
          {.key = "metric_backend",
           .value = of::unused(),
           .applies = change_time::live,
           .no_effect = "has no effect: set metrics_port for a Prometheus endpoint",
           .line = "Accepted, with a warning: metrics have an endpoint of their own, "
                   "`metrics_port`."},
          {.table = "upstream_healthchecks",
           .key = "gc",
           .value = of::unused_number({.least = 1}),
           .roles = with_telegram,
           .applies = change_time::live,
           .no_effect = "has no effect: there is no garbage collector here",
           .line = "Accepted, with a warning: there is no garbage collector here."},
      }};
}

}  // namespace mtp::config
