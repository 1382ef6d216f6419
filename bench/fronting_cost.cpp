#include "bench/fronting_cost.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>

#include "bench/process_usage.hpp"
#include "bench/spread.hpp"

namespace mtp::bench {

namespace {

using namespace std::chrono_literals;

constexpr unsigned bulk_connections = 4;
/// Of each connection.
constexpr std::size_t bulk_size = 1'000'000'000;
constexpr std::size_t bulk_warm_up = 20'000'000;
constexpr double visits_a_second = 1000;
constexpr auto visits_warm_up = 1s;
constexpr auto visits_time = 4s;
/// With a smaller share of the visits that were due, the machine is too busy to tell anything.
constexpr double enough = 0.95;
constexpr auto patience = 10s;

double seconds_of(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// Visits for as long as it lives.
class crowd {
 public:
  explicit crowd(std::uint16_t port) : visitors_{port, visits_a_second} {
    std::this_thread::sleep_for(visits_warm_up);
    begin_ = std::chrono::steady_clock::now();
    before_ = visitors_.done();
  }

  /// Since the warm-up. Throws if there were too few.
  std::uint64_t visits() {
    const auto visits = visitors_.done() - before_;
    const auto passed = seconds_of(std::chrono::steady_clock::now() - begin_);
    if (static_cast<double>(visits) < enough * visits_a_second * passed)
      throw std::runtime_error{fmt::format("only {} visits in {:.1f} s", visits, passed)};
    return visits;
  }

 private:
  visitors visitors_;
  std::chrono::steady_clock::time_point begin_;
  std::uint64_t before_ = 0;
};

}  // namespace

std::vector<fronting_line> all_fronting_lines() {
  using load = fronting_load;
  return {{"fronted down", "s CPU/GB", load::down},
          {"fronted up", "s CPU/GB", load::up},
          {"fronted, 1000 connections a second", "us CPU/connection", load::visits},
          {"dd p50, 1000 fronted a second", "us", load::dd_latency},
          {"ee p50, 1000 fronted a second", "us", load::ee_latency}};
}

fronting_bench::fronting_bench(const std::vector<server_kind>& proxies, const stand_in& telegram,
                               std::filesystem::path directory)
    : directory_{std::move(directory)},
      to_bulk_{open(bulk_site_.where(), proxies, telegram)},
      to_recorded_{open(recorded_site_.where(), proxies, telegram)} {}

std::vector<fronting_bench::passage> fronting_bench::open(const endpoint& site,
                                                          const std::vector<server_kind>& proxies,
                                                          const stand_in& telegram) const {
  std::vector<passage> opened;
  for (auto kind : proxies) {
    kind.config = "domain_fronting = \"" + to_string(site) + "\"\nmeasure_sites = false\n";
    auto proxy = std::make_unique<server>(kind, telegram, directory_);
    const auto port = proxy->port();
    const auto pid = proxy->pids().front();
    opened.push_back(
        {.name = kind.name, .port = port, .pid = pid, .proxy = std::move(proxy), .relay = {}});
  }
  const auto port = test::free_port();
  const auto output = directory_ / fmt::format("relay-{}.log", port);
  auto relay = std::make_unique<test::process>(
      MTP_SPLICE_RELAY,
      test::process::options{.arguments = {"--port", std::to_string(port), "--to", to_string(site)},
                             .output = output,
                             .ends_with_parent = true});
  const bool is_up = test::eventually(
      [&] { return relay->output().find("ready") != std::string::npos; }, patience);
  if (!is_up) throw std::runtime_error{"the relay does not start:\n" + relay->output()};
  const auto pid = relay->pid();
  opened.push_back(
      {.name = "relay", .port = port, .pid = pid, .proxy = {}, .relay = std::move(relay)});
  return opened;
}

double fronting_bench::bulk_cpu(const passage& by, bulk_way way) {
  carry_bulk(way, by.port, bulk_connections, bulk_warm_up);
  const auto before = cpu_time(by.pid);
  carry_bulk(way, by.port, bulk_connections, bulk_size);
  return seconds_of(cpu_time(by.pid) - before) * 1e9 / (bulk_connections * bulk_size);
}

double fronting_bench::visit_cpu(const passage& by) {
  crowd visiting{by.port};
  const auto before = cpu_time(by.pid);
  std::this_thread::sleep_for(visits_time);
  return seconds_of(cpu_time(by.pid) - before) * 1e6 / static_cast<double>(visiting.visits());
}

std::vector<fronting_column> fronting_bench::measure_latency(const std::string& protocol,
                                                             unsigned runs) const {
  const auto& proxy = *to_recorded_.front().proxy;
  const auto p50 = [&] {
    return run_load(proxy, protocol,
                    {"paced", "--connections", "10", "--rate", "200", "--messages", "800"},
                    directory_)
        .values.at("p50_us");
  };
  std::vector<fronting_column> columns{{"proxy", {}}, {"alone", {}}, {"by relay", {}}};
  const auto add_crowded = [&](fronting_column& to, std::uint16_t port) {
    crowd visiting{port};
    to.values.push_back(p50());
    static_cast<void>(visiting.visits());
  };
  for (unsigned i = 0; i < runs; ++i) {
    add_crowded(columns[0], to_recorded_.front().port);
    columns[1].values.push_back(p50());
    add_crowded(columns[2], to_recorded_.back().port);
  }
  return columns;
}

std::vector<fronting_column> fronting_bench::measure(fronting_load load, unsigned runs) {
  if (load == fronting_load::dd_latency) return measure_latency("dd", runs);
  if (load == fronting_load::ee_latency) return measure_latency("ee", runs);
  const bool visits = load == fronting_load::visits;
  const auto way = load == fronting_load::down ? bulk_way::down : bulk_way::up;
  const auto& passages = visits ? to_recorded_ : to_bulk_;
  std::vector<fronting_column> columns;
  for (const auto& by : passages)
    columns.push_back({by.name, {}});
  for (unsigned i = 0; i < runs; ++i)
    for (std::size_t at = 0; at < passages.size(); ++at)
      columns[at].values.push_back(visits ? visit_cpu(passages[at]) : bulk_cpu(passages[at], way));
  return columns;
}

std::string fronting_row(const fronting_line& line, const std::vector<fronting_column>& columns) {
  auto row = fmt::format("{:<36}", line.name);
  std::vector<double> medians;
  for (const auto& column : columns) {
    const auto all = spread_of(column.values);
    medians.push_back(all.median);
    row += fmt::format(" {} {:.3f} ({:.3f}..{:.3f})", column.name, all.median, all.smallest,
                       all.largest);
  }
  for (std::size_t i = 1; i < columns.size(); ++i)
    row += fmt::format("  / {} {:.2f}", columns[i].name, medians[0] / medians[i]);
  return row + "  " + line.unit;
}

}  // namespace mtp::bench
