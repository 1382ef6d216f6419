#include "app/console_text.hpp"

#include <doctest/doctest.h>

#include "app/text_table.hpp"

namespace mtp::app {
namespace {

using namespace std::chrono_literals;
using namespace actors;

TEST_CASE(
    "text table: columns are aligned, empty ones left out, and nothing can steer a terminal") {
  text_table table{{{"name"}, {.title = "n", .right = true}, {"nothing"}, {"end"}}};
  CHECK(table.empty());
  table.add({"a", "1", "", "x"});
  table.add({"long\x1b[2J", "1000", "", ""});
  CHECK_FALSE(table.empty());
  CHECK(table.to_text() ==
        "name         n  end\n"
        "a            1  x\n"
        "long?[2J  1000\n");
}

TEST_CASE("console text: ages and sizes") {
  CHECK(describe_age(0s) == "0s");
  CHECK(describe_age(59s) == "59s");
  CHECK(describe_age(185s) == "3m05s");
  CHECK(describe_age(2h + 3min + 59s) == "2h03m");
  CHECK(describe_age(24h * 5 + 7h) == "5d07h");
  CHECK(describe_size(0) == "0 B");
  CHECK(describe_size(1023) == "1023 B");
  CHECK(describe_size(1536) == "1.5 KiB");
  CHECK(describe_size(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(describe_size(std::uint64_t{5} << 40) == "5.0 TiB");
  CHECK(describe_size(std::uint64_t{5} << 52) == "20480.0 TiB");
}

TEST_CASE("console text: the tree") {
  const tree_report report{
      {{.id = "proxy_sup", .strategy = supervision_strategy::one_for_one},
       {.parent = 0,
        .id = "conns",
        .strategy = supervision_strategy::simple_one_for_one,
        .restarts = 2},
       {.parent = 0, .id = "config", .running = false},
       {.parent = 0,
        .id = "listeners",
        .strategy = supervision_strategy::one_for_one,
        .trouble = "no answer in 1 s"},
       {.parent = 1, .id = "dc_conn", .restart = restart_policy::temporary, .count = 12},
       {.parent = 1, .id = "named", .restart = restart_policy::transient}}};
  CHECK(to_text(report) ==
        "actor               restart    strategy            restarts  remark\n"
        "proxy_sup                      one_for_one\n"
        "|- conns            permanent  simple_one_for_one         2\n"
        "|  |- 12 x dc_conn  temporary                             0\n"
        "|  `- named         transient                             0\n"
        "|- config           permanent                             0  not running\n"
        "`- listeners        permanent  one_for_one                0  no answer in 1 s\n");
}

TEST_CASE("console text: pools") {
  CHECK(to_text(pools_report{}) == "no DC is known yet\n");
  const pools_report report{
      {{.dc = -2, .status = {}, .trouble = "no answer in 1 s"},
       {.dc = 2,
        .status = {.dc = 2,
                   .n_conns = 2,
                   .n_pending = 1,
                   .n_clients = 5,
                   .min = 2,
                   .max = 3,
                   .n_waiting = 4},
        .trouble = {}},
       {.dc = 203, .status = {.last_failure = "10.0.0.1:443: refused"}, .trouble = {}}}};
  CHECK(to_text(report) ==
        " dc  conns  pending  clients  per conn  waiting  remark\n"
        " -2      -        -        -         -        -  no answer in 1 s\n"
        "  2      2        1        5       2-3        4\n"
        "203      0        0        0         0        0  10.0.0.1:443: refused\n");
}

TEST_CASE("console text: conns") {
  CHECK(to_text(conns_report{}) == "no DC is known yet\n");
  CHECK(to_text(conns_report{.pools = {{.dc = 1, .conns = {}, .trouble = "not running"}}}) ==
        "no conns\ndc 1: not running\n");
  const auto to = *parse_endpoint("10.0.0.1:443");
  conns_report report;
  report.left_out = 9;
  report.pools.resize(2);
  report.pools[0].dc = 2;
  report.pools[1].dc = 3;
  report.pools[1].trouble = "no answer in 1 s";
  auto& conns = report.pools[0].conns;
  conns.resize(2);
  for (auto& conn : conns)
    conn.known.to = to;
  conns[0].known.number = 7;
  conns[0].known.reactor = 1;
  conns[0].known.ready = true;
  conns[0].status = {.stage = "paused",
                     .clients = 3,
                     .unacked_bytes = 2048,
                     .unacked_packets = 2,
                     .sent = 100,
                     .queued = 5,
                     .age = 61s,
                     .unanswered = 4s};
  conns[1].known.number = 8;
  conns[1].known.clients = 1;
  conns[1].trouble = "no answer in 1 s";
  CHECK(to_text(report) ==
        "dc  conn  endpoint      reactor  state    clients  un-acked  packets   sent  queued  "
        "unanswered    age  remark\n"
        " 2     7  10.0.0.1:443        1  paused         3   2.0 KiB        2  100 B     5 B  "
        "        4s  1m01s\n"
        " 2     8  10.0.0.1:443        0  pending        1         -        -      -       -  "
        "         -      -  no answer in 1 s\n"
        "dc 3: no answer in 1 s\n"
        "9 more are not shown\n");
}

TEST_CASE("console text: clients") {
  CHECK(to_text(clients_report{}) == "0 clients\n");
  const client_group shaking{.listener = "a", .stage = "handshake"};
  const client_group talking{
      .listener = "a", .protocol = "mtp_secure", .dc = dc_id{-2}, .stage = "tunnel"};
  clients_report report{.clients = {.total = 13,
                                    .groups = {{shaking, 1}, {talking, 10}},
                                    .ungrouped = 2,
                                    .clients = {{.group = shaking,
                                                 .peer = *parse_endpoint("198.51.100.7:1"),
                                                 .age = 70s,
                                                 .idle = 70s},
                                                {.group = talking,
                                                 .peer = *parse_endpoint("[2001:db8::1]:2"),
                                                 .age = 5s,
                                                 .idle = 1s,
                                                 .queued = 3000}}},
                        .trouble = {"reactor 1: no answer in 1 s"}};
  const std::string groups =
      "13 clients\n\n"
      "listener  protocol    dc  stage      clients\n"
      "a         -            -  handshake        1\n"
      "a         mtp_secure  -2  tunnel          10\n"
      "others    -            -  -                2\n";
  const std::string trouble = "reactor 1: no answer in 1 s\n";
  CHECK(to_text(report) ==
        groups +
            "\nthe oldest 2 of them:\n"
            "listener  address          protocol    dc  stage        age   idle   queued\n"
            "a         198.51.100.7:1   -            -  handshake  1m10s  1m10s      0 B\n"
            "a         [2001:db8::1]:2  mtp_secure  -2  tunnel        5s     1s  2.9 KiB\n" +
            trouble);
  report.clients.clients.clear();
  CHECK(to_text(report) == groups + trouble);
}

TEST_CASE("console text: hellos, a line a program") {
  CHECK(to_text(hellos_report{.hellos = {{.ja4 = "t13d1516h2_a_b", .counts = {5, 0, 1}},
                                         {.ja4 = "t12i", .counts = {0, 4, 0}}}}) ==
        "JA4             answered  forwarded  closed\n"
        "t13d1516h2_a_b         5          0       1\n"
        "t12i                   0          4       0\n");
}

TEST_CASE("console text: nodes") {
  CHECK(to_text(nodes_report{.name = "", .role = config::node_role::both, .build = "1.0"}) ==
        "this node: -, role both, build 1.0\n");
  nodes_report front{.name = "front1", .role = config::node_role::front, .build = "1.0"};
  front.backs = {{.status = {.where = "back@10.0.0.2:9199",
                             .build = "1.1",
                             .connected = true,
                             .age = 65s,
                             .sessions = 2,
                             .clock_ahead = -300s}},
                 {.status = {.where = "back2@10.0.0.3:9199",
                             .age = 3s,
                             .trouble = "10.0.0.3:9199: Connection refused"}},
                 {.status = {.where = "back3@10.0.0.4:9199"}, .trouble = "not running"}};
  CHECK(to_text(front) ==
        "this node: front1, role front, build 1.0\n\n"
        "back                 state          since  build  sessions   clock  remark\n"
        "back@10.0.0.2:9199   connected      1m05s  1.1           2  -300 s\n"
        "back2@10.0.0.3:9199  not connected     3s                0    +0 s  10.0.0.3:9199: "
        "Connection "
        "refused\n"
        "back3@10.0.0.4:9199  -                  -  -             -       -  not running\n");
  nodes_report back{.name = "back", .role = config::node_role::back, .build = "1.1"};
  back.fronts = std::vector<actors::front_status>{
      {.name = "front1", .build = "1.0", .agents = 4, .age = 65s, .clock_ahead = 300s}};
  back.connections = {{.name = "front1",
                       .remote = *parse_endpoint("198.51.100.7:4711"),
                       .received = 2048,
                       .sent = 10}};
  back.trouble = {"fronts: not running"};
  CHECK(to_text(back) ==
        "this node: back, role back, build 1.1\n\n"
        "front   build  reactors    age   clock\n"
        "front1  1.0           4  1m05s  +300 s\n\n"
        "connection  address            received  sent\n"
        "front1      198.51.100.7:4711   2.0 KiB  10 B\n"
        "fronts: not running\n");
}

TEST_CASE("console text: nodes of another link version") {
  nodes_report front{.name = "front1", .role = config::node_role::front, .build = "1.0"};
  front.backs = {{.status = {.where = "back@10.0.0.2:9199",
                             .build = "1.1",
                             .connected = true,
                             .age = 65s,
                             .sessions = 2,
                             .other_versions = "3"}}};
  CHECK(to_text(front) ==
        "this node: front1, role front, build 1.0\n\n"
        "back                state      since  build                 sessions  clock\n"
        "back@10.0.0.2:9199  connected  1m05s  1.1 (link version 3)         2   +0 s\n");
  nodes_report back{.name = "back", .role = config::node_role::back, .build = "1.1"};
  back.fronts = std::vector<actors::front_status>{
      {.name = "front1", .build = "3.0", .agents = 4, .other_versions = "4 to 9"}};
  CHECK(to_text(back) ==
        "this node: back, role back, build 1.1\n\n"
        "front   build                      reactors  age  clock\n"
        "front1  3.0 (link version 4 to 9)         4   0s   +0 s\n");
}

TEST_CASE("console text: counts that are not zero, means of histograms") {
  CHECK(to_text(counts_report{}) == "nothing has been counted yet\n");
  metrics all;
  all.get_counter("b_total", "help", {{"dc", "2"}, {"reason", "x"}}).add(12);
  static_cast<void>(all.get_counter("b_total", "help", {{"dc", "3"}, {"reason", "x"}}));
  all.get_counter("a_total", "help").add(3'000'000'000'000);
  auto sizes = all.get_histogram("c_bytes", "help", {.bounds = {10, 100}});
  for (const auto size : {5, 50, 500})
    sizes.observe(static_cast<std::uint64_t>(size));
  static_cast<void>(all.get_histogram("d_bytes", "help", {.bounds = {10, 100}}));
  CHECK(to_text(counts_report{all.read_counts()}) ==
        "metric                              count  mean\n"
        "a_total                     3000000000000\n"
        "b_total{dc=\"2\",reason=\"x\"}             12\n"
        "c_bytes                                 3   185\n");
}

}  // namespace
}  // namespace mtp::app
