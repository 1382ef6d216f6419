#include "bench/bench_run.hpp"

#include <fmt/format.h>

#include <thread>

#include "bench/fronting_cost.hpp"
#include "bench/tls_alone.hpp"

namespace mtp::bench {

namespace {

/// Of `all`, that with the median of `values`.
const report& median_run(const std::vector<report>& all, const std::vector<double>& values) {
  const auto median = spread_of(values).median;
  return all[static_cast<std::size_t>(std::ranges::find(values, median) - values.begin())];
}

}  // namespace

bench_run::bench_run(options how, std::vector<server_kind> kinds)
    : how_{std::move(how)},
      kinds_{std::move(kinds)},
      telegram_{MTP_FAKE_TELEGRAM, directory_.path()},
      servers_(kinds_.size()) {
  for (std::size_t i = 0; i < kinds_.size(); ++i)
    if (kinds_[i].role == server_role::split) split_ = i;
}

bool bench_run::is_wanted(const std::string& line) const {
  return std::regex_search(line, how_.only);
}

bool bench_run::takes_part(const scenario& measured, const server_kind& kind) const {
  const bool main = std::ranges::any_of(measured.measures,
                                        [&](const auto& line) { return is_wanted(line.name); });
  const bool split = std::ranges::any_of(
      measured.split, [&](const split_measure& part) { return is_wanted(part.line.name); });
  if (kind.role == server_role::split) return split;
  return main || (split && &kind == &kinds_.front());
}

std::unique_ptr<server> bench_run::start(const server_kind& kind) {
  auto started = std::make_unique<server>(kind, telegram_, directory_.path());
  // Code that runs for the first time is not what is measured.
  for (const char* protocol : {"dd", "ee"})
    run_load(*started, protocol, {"echo", "--connections", "20", "--messages", "2000"},
             directory_.path());
  return started;
}

report bench_run::run(std::size_t kind, const std::string& protocol,
                      const std::vector<std::string>& load, bool fresh_process,
                      const std::string& line) {
  try {
    auto& server = servers_[kind];
    if (server == nullptr || fresh_process) server = start(kinds_[kind]);
    return run_load(*server, protocol, load, directory_.path());
  } catch (const std::exception& e) {
    throw std::runtime_error{kinds_[kind].name + ", " + line + ": " + e.what()};
  }
}

// -- scenarios ----------------------------------------------------------------------------------

std::vector<bench_run::reports> bench_run::measure(const scenario& measured) {
  std::vector<reports> gathered(kinds_.size());
  for (unsigned i = 0; i < how_.runs; ++i)
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind)
      if (takes_part(measured, kinds_[kind]))
        gathered[kind].push_back(run(kind, measured.protocol, measured.load, measured.fresh_process,
                                     measured.measures[0].name));
  return gathered;
}

void bench_run::measure_all(const std::vector<scenario>& scenarios) {
  std::vector<split_row> rows;
  print_head(scenarios);
  for (const auto& scenario : scenarios) {
    const auto all = measure(scenario);
    print(scenario, all);
    add_rows(scenario, all, rows);
  }
  if (!rows.empty()) {
    fmt::print("\nA front and a back, linked by TLS on loopback\n{}", split_table(rows));
    constexpr std::size_t size = 2'000'000'000;
    const auto tls = measure_tls(size, directory_.path());
    fmt::print("TLS alone takes {:.3f} s/GB to send and {:.3f} to receive\n", tls.send,
               tls.receive);
  }
  static_cast<void>(std::fflush(stdout));
}

void bench_run::print_head(const std::vector<scenario>& scenarios) const {
  const auto has_line = [&](const scenario& tested) {
    return std::ranges::any_of(tested.measures,
                               [&](const auto& line) { return is_wanted(line.name); });
  };
  if (std::ranges::none_of(scenarios, has_line)) return;
  fmt::print("{:<34}", "");
  for (const auto& kind : kinds_)
    if (kind.role != server_role::split) fmt::print(" {:>9} {:<17}", kind.name, "  (min..max)");
  for (std::size_t i = 1; i < kinds_.size(); ++i)
    if (kinds_[i].role != server_role::split) fmt::print(" {:>9}", "/ " + kinds_[i].name);
  fmt::print("\n");
}

void bench_run::print(const scenario& measured, const std::vector<reports>& all) const {
  for (const auto& line : measured.measures) {
    if (!is_wanted(line.name)) continue;
    fmt::print("{:<34}", line.name);
    std::vector<double> medians;
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
      if (kinds_[kind].role == server_role::split) continue;
      const auto values = spread_of(all[kind], line.key);
      medians.push_back(values.median);
      fmt::print(" {:>9.3f} {:<17}", values.median,
                 fmt::format("({:.3f}..{:.3f})", values.smallest, values.largest));
    }
    for (std::size_t i = 1; i < medians.size(); ++i)
      fmt::print(" {:>9}", medians[i] > 0 ? fmt::format("{:.2f}", medians[0] / medians[i]) : "-");
    fmt::print("  {}\n", line.unit);
  }
  static_cast<void>(std::fflush(stdout));
}

void bench_run::add_rows(const scenario& measured, const std::vector<reports>& all,
                         std::vector<split_row>& rows) const {
  if (!split_) return;
  for (const auto& part : measured.split)
    if (is_wanted(part.line.name)) rows.push_back(make_split_row(part, all.front(), all[*split_]));
}

// -- the ceiling of a link ----------------------------------------------------------------------

void bench_run::measure_ceilings(const std::vector<ceiling>& ceilings) {
  if (!split_) return;
  bool first = true;
  for (const auto& ceiling : ceilings) {
    if (!is_wanted(ceiling.name)) continue;
    if (servers_[*split_] == nullptr) servers_[*split_] = start(kinds_[*split_]);
    auto watched = servers_[*split_]->pids();
    watched.push_back(telegram_.pid());
    auto load = ceiling.load;
    load.insert(load.end(), {"--threads", fmt::format("{}", fmt::join(watched, ","))});
    reports all;
    for (unsigned i = 0; i < how_.runs; ++i)
      all.push_back(run(*split_, "dd", load, false, ceiling.name));
    if (first) fmt::print("\nThe ceiling of one link, of a front and a back\n");
    first = false;
    print(ceiling, all);
  }
}

void bench_run::print(const ceiling& measured, const reports& all) const {
  const auto rates = rates_of(measured, all);
  const auto values = spread_of(rates);
  fmt::print("{:<40} {:.5g} ({:.5g}..{:.5g}) {}\n", measured.name, values.median, values.smallest,
             values.largest, measured.unit);
  const auto seen = saturation_of(median_run(all, rates));
  fmt::print("    {}\n    stopped by {}\n", usage_line(seen), what_stops(seen));
  static_cast<void>(std::fflush(stdout));
}

// -- fronting -----------------------------------------------------------------------------------

void bench_run::measure_fronting() {
  auto lines = all_fronting_lines();
  std::erase_if(lines, [&](const auto& line) { return !is_wanted(line.name); });
  if (lines.empty()) return;
  std::vector<server_kind> proxies;
  std::ranges::copy_if(kinds_, std::back_inserter(proxies),
                       [](const auto& kind) { return kind.role == server_role::both; });
  fronting_bench bench{proxies, telegram_, directory_.path()};
  fmt::print("\nForwarded to a site, beside a bare relay by splice(2)\n");
  for (const auto& line : lines) {
    fmt::print("{}\n", fronting_row(line, bench.measure(line.load, how_.runs)));
    static_cast<void>(std::fflush(stdout));
  }
}

// -- a reload -----------------------------------------------------------------------------------

void bench_run::measure_reloads() {
  if (!is_wanted(reload_line)) return;
  const auto cost = measure_reload(kinds_.front().program, telegram_, directory_.path());
  const auto show = [](const char* name, const std::vector<double>& values) {
    const auto all = spread_of(values);
    fmt::print("{:<40} {:.3g} ({:.3g}..{:.3g}) ms\n", name, all.median, all.smallest, all.largest);
  };
  fmt::print("\n{}\n", reload_line);
  show("the command", cost.commands);
  show("longest wait of a client meanwhile", cost.waits);
  show("longest wait without a reload", cost.waits_at_rest);
}

saturation bench_run::saturation_of(const report& run) const {
  const auto nodes = servers_[*split_]->pids();
  const auto name_of = [&](pid_t pid) {
    if (pid == nodes[0]) return "front";
    if (pid == nodes[1]) return "back";
    return pid == telegram_.pid() ? "stand-in" : "load generator";
  };
  saturation seen{.threads = {},
                  .machine = run.values.at("machine_cpu_percent"),
                  .cores = std::thread::hardware_concurrency()};
  for (const auto& share : run.threads)
    seen.threads.push_back(
        {.process = name_of(share.process), .thread = share.name, .percent = share.percent});
  return seen;
}

}  // namespace mtp::bench
