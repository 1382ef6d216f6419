#include "app/console_text.hpp"

#include <fmt/format.h>

#include <array>
#include <numeric>

#include "app/text_table.hpp"

namespace mtp::app {

namespace {

using namespace actors;

std::string to_text(restart_policy policy) {
  constexpr std::array names{"permanent", "transient", "temporary"};
  static_assert(names.size() == static_cast<std::size_t>(restart_policy::temporary) + 1);
  return names[static_cast<std::size_t>(policy)];
}

std::string to_text(supervision_strategy strategy) {
  constexpr std::array names{"one_for_one", "one_for_all", "simple_one_for_one"};
  static_assert(names.size() ==
                static_cast<std::size_t>(supervision_strategy::simple_one_for_one) + 1);
  return names[static_cast<std::size_t>(strategy)];
}

template <class Value>
std::string or_nothing(const Value& value) {
  return value ? fmt::to_string(*value) : no_value;
}

/// Adds a node's children, and theirs, behind `indent`.
void add_children(const tree_report& report, std::size_t parent, const std::string& indent,
                  text_table& table) {
  std::vector<std::size_t> children;
  for (std::size_t i = 1; i < report.nodes.size(); ++i)
    if (report.nodes[i].parent == parent) children.push_back(i);
  for (const auto i : children) {
    const auto& node = report.nodes[i];
    const bool last = i == children.back();
    const auto name = node.count > 1 ? fmt::format("{} x {}", node.count, node.id) : node.id;
    table.add({fmt::format("{}{}{}", indent, last ? "`- " : "|- ", name), to_text(node.restart),
               node.strategy ? to_text(*node.strategy) : "", fmt::to_string(node.restarts),
               node.running ? node.trouble : "not running"});
    add_children(report, i, indent + (last ? "   " : "|  "), table);
  }
}

std::string group_dc(const client_group& group) {
  return or_nothing(group.dc);
}

std::string group_protocol(const client_group& group) {
  return group.protocol.empty() ? no_value : std::string{group.protocol};
}

std::string series_name(const std::string& family, const metric_labels& labels) {
  std::string series = family;
  char separator = '{';
  for (const auto& [name, value] : labels) {
    series += fmt::format("{}{}=\"{}\"", separator, name, value);
    separator = ',';
  }
  return labels.empty() ? series : series + '}';
}

}  // namespace

std::string describe_age(std::chrono::seconds age) {
  const auto s = age.count();
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string describe_size(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  const char* unit = "KiB";
  for (const auto* const next : {"MiB", "GiB", "TiB"}) {
    // What would be rounded to 1024.0 is 1.0 of the next.
    if (value < 1023.95) break;
    value /= 1024;
    unit = next;
  }
  return fmt::format("{:.1f} {}", value, unit);
}

std::string to_text(const tree_report& report) {
  text_table table{
      {{"actor"}, {"restart"}, {"strategy"}, {.title = "restarts", .right = true}, {"remark"}}};
  const auto& root = report.nodes.at(0);
  table.add({root.id, "", root.strategy ? to_text(*root.strategy) : "", "", root.trouble});
  add_children(report, 0, "", table);
  return table.to_text();
}

std::string to_text(const pools_report& report) {
  if (report.pools.empty()) return "no DC is known yet\n";
  text_table table{{{.title = "dc", .right = true},
                    {.title = "conns", .right = true},
                    {.title = "pending", .right = true},
                    {.title = "clients", .right = true},
                    {.title = "per conn", .right = true},
                    {.title = "waiting", .right = true},
                    {"remark"}}};
  for (const auto& pool : report.pools) {
    const auto& now = pool.status;
    const auto dc = fmt::to_string(pool.dc);
    if (pool.trouble.empty())
      table.add(
          {dc, fmt::to_string(now.n_conns), fmt::to_string(now.n_pending),
           fmt::to_string(now.n_clients),
           now.min == now.max ? fmt::to_string(now.max) : fmt::format("{}-{}", now.min, now.max),
           fmt::to_string(now.n_waiting), now.last_failure});
    else
      table.add({dc, no_value, no_value, no_value, no_value, no_value, pool.trouble});
  }
  return table.to_text();
}

std::string to_text(const conns_report& report) {
  if (report.pools.empty()) return "no DC is known yet\n";
  text_table table{{{.title = "dc", .right = true},
                    {.title = "conn", .right = true},
                    {"endpoint"},
                    {.title = "reactor", .right = true},
                    {"state"},
                    {.title = "clients", .right = true},
                    {.title = "un-acked", .right = true},
                    {.title = "packets", .right = true},
                    {.title = "sent", .right = true},
                    {.title = "queued", .right = true},
                    {.title = "unanswered", .right = true},
                    {.title = "age", .right = true},
                    {"remark"}}};
  std::string remarks;
  for (const auto& pool : report.pools) {
    const auto dc = fmt::to_string(pool.dc);
    if (!pool.trouble.empty()) remarks += fmt::format("dc {}: {}\n", dc, pool.trouble);
    for (const auto& conn : pool.conns) {
      const auto& known = conn.known;
      const auto& now = conn.status;
      std::vector<std::string> cells{dc, fmt::to_string(known.number), to_string(known.to),
                                     fmt::to_string(known.reactor)};
      if (conn.trouble.empty())
        cells.insert(
            cells.end(),
            {std::string{now.stage}, fmt::to_string(now.clients), describe_size(now.unacked_bytes),
             fmt::to_string(now.unacked_packets), describe_size(now.sent),
             describe_size(now.queued), now.unanswered ? describe_age(*now.unanswered) : no_value,
             describe_age(now.age), ""});
      else
        cells.insert(cells.end(),
                     {known.ready ? "ready" : "pending", fmt::to_string(known.clients), no_value,
                      no_value, no_value, no_value, no_value, no_value, conn.trouble});
      table.add(std::move(cells));
    }
  }
  if (report.left_out > 0) remarks += fmt::format("{} more are not shown\n", report.left_out);
  return (table.empty() ? "no conns\n" : table.to_text()) + remarks;
}

std::string to_text(const clients_report& report) {
  const auto& seen = report.clients;
  auto text = fmt::format("{} clients\n", seen.total);
  if (seen.total > 0) {
    text_table groups{{{"listener"},
                       {"protocol"},
                       {.title = "dc", .right = true},
                       {"stage"},
                       {.title = "clients", .right = true}}};
    for (const auto& [group, count] : seen.groups)
      groups.add({group.listener, group_protocol(group), group_dc(group), std::string{group.stage},
                  fmt::to_string(count)});
    if (seen.ungrouped > 0)
      groups.add({"others", no_value, no_value, no_value, fmt::to_string(seen.ungrouped)});
    text += '\n' + groups.to_text();
  }
  if (!seen.clients.empty()) {
    text_table list{{{"listener"},
                     {"address"},
                     {"protocol"},
                     {.title = "dc", .right = true},
                     {"stage"},
                     {.title = "age", .right = true},
                     {.title = "idle", .right = true},
                     {.title = "queued", .right = true}}};
    for (const auto& client : seen.clients)
      list.add({client.group.listener, to_string(client.peer), group_protocol(client.group),
                group_dc(client.group), std::string{client.group.stage}, describe_age(client.age),
                describe_age(client.idle), describe_size(client.queued)});
    if (seen.clients.size() < seen.total)
      text += fmt::format("\nthe oldest {} of them:\n", seen.clients.size());
    else
      text += '\n';
    text += list.to_text();
  }
  for (const auto& line : report.trouble)
    text += line + '\n';
  return text;
}

std::string to_text(const nodes_report& report) {
  auto text = fmt::format("this node: {}, role {}, build {}\n",
                          report.name.empty() ? no_value : report.name, to_string(report.role),
                          report.build);
  const auto build_of = [](const auto& node) {
    return node.other_versions.empty()
               ? node.build
               : fmt::format("{} (link version {})", node.build, node.other_versions);
  };
  const auto skew = [](std::chrono::seconds ahead) { return fmt::format("{:+} s", ahead.count()); };
  if (!report.backs.empty()) {
    text_table backs{{{"back"},
                      {"state"},
                      {.title = "since", .right = true},
                      {"build"},
                      {.title = "sessions", .right = true},
                      {.title = "clock", .right = true},
                      {"remark"}}};
    for (const auto& [now, trouble] : report.backs)
      if (trouble.empty())
        backs.add({now.where, now.connected ? "connected" : "not connected", describe_age(now.age),
                   build_of(now), fmt::to_string(now.sessions), skew(now.clock_ahead),
                   now.trouble});
      else
        backs.add({now.where, no_value, no_value, no_value, no_value, no_value, trouble});
    text += '\n' + backs.to_text();
  }
  if (report.fronts && !report.fronts->empty()) {
    text_table fronts{{{"front"},
                       {"build"},
                       {.title = "reactors", .right = true},
                       {.title = "age", .right = true},
                       {.title = "clock", .right = true}}};
    for (const auto& front : *report.fronts)
      fronts.add({front.name.empty() ? no_value : front.name, build_of(front),
                  fmt::to_string(front.agents), describe_age(front.age), skew(front.clock_ahead)});
    text += '\n' + fronts.to_text();
  }
  if (!report.connections.empty()) {
    text_table connections{{{"connection"},
                            {"address"},
                            {.title = "received", .right = true},
                            {.title = "sent", .right = true}}};
    for (const auto& connection : report.connections)
      connections.add({connection.name.empty() ? no_value : connection.name,
                       to_string(connection.remote), describe_size(connection.received),
                       describe_size(connection.sent)});
    text += '\n' + connections.to_text();
  }
  for (const auto& line : report.trouble)
    text += line + '\n';
  return text;
}

std::string to_text(const hellos_report& report) {
  if (report.hellos.empty()) return "no ClientHello has come yet\n";
  text_table table{{{"JA4"},
                    {.title = "answered", .right = true},
                    {.title = "forwarded", .right = true},
                    {.title = "closed", .right = true}}};
  for (const auto& hello : report.hellos)
    table.add({hello.ja4, fmt::to_string(hello.counts[0]), fmt::to_string(hello.counts[1]),
               fmt::to_string(hello.counts[2])});
  return table.to_text();
}

std::string to_text(const counts_report& report) {
  text_table table{
      {{"metric"}, {.title = "count", .right = true}, {.title = "mean", .right = true}}};
  for (const auto& family : report.families)
    for (const auto& sample : family.samples) {
      const auto series = series_name(family.name, sample.labels);
      if (family.type == metrics::kind::histogram) {
        const auto count =
            std::accumulate(sample.buckets.begin(), sample.buckets.end(), std::uint64_t{0});
        if (count > 0)
          table.add({series, fmt::to_string(count),
                     fmt::format("{:.6g}", sample.sum / static_cast<double>(count))});
      } else if (sample.value > 0) {
        table.add({series, fmt::format("{:.0f}", sample.value), ""});
      }
    }
  return table.empty() ? "nothing has been counted yet\n" : table.to_text();
}

}  // namespace mtp::app
