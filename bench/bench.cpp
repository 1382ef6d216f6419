// `make bench`: CPU, memory and latency of the proxy beside the hand-written floor, in one table.
// Runs alternate (proxy, floor, proxy, floor, ...), so that a busy machine is busy for both.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <regex>

#include "bench/run_load.hpp"
#include "bench/scenarios.hpp"

namespace {

using namespace mtp;
using namespace mtp::bench;

struct arguments {
  std::string proxy = MTP_PROXY_BINARY;
  std::string against;
  unsigned runs = 3;
  std::string only;
  bool no_floor = false;
  bool list = false;
};

class bench_run {
 public:
  bench_run(const arguments& how, std::vector<server_kind> kinds)
      : how_{how}, kinds_{std::move(kinds)}, telegram_{MTP_FAKE_TELEGRAM, directory_.path()} {
    for (const auto& kind : kinds_)
      servers_.push_back(start(kind));
  }

  void measure_all(const std::vector<scenario>& scenarios) {
    print_head();
    for (const auto& one : scenarios)
      print(one, measure(one));
  }

 private:
  /// One report a run, of one server.
  using reports = std::vector<report>;

  std::unique_ptr<server> start(const server_kind& kind) {
    auto out = std::make_unique<server>(kind, telegram_, directory_.path());
    // Code that runs for the first time is not what is measured.
    for (const char* protocol : {"dd", "ee"})
      run_load(*out, protocol, {"echo", "--connections", "20", "--messages", "2000"},
               directory_.path());
    return out;
  }

  std::vector<reports> measure(const scenario& what) {
    std::vector<reports> out(kinds_.size());
    for (unsigned run = 0; run < how_.runs; ++run) {
      for (std::size_t i = 0; i < kinds_.size(); ++i) {
        try {
          if (what.fresh_process) servers_[i] = start(kinds_[i]);
          out[i].push_back(run_load(*servers_[i], what.protocol, what.load, directory_.path()));
        } catch (const std::exception& e) {
          throw std::runtime_error{kinds_[i].name + ", " + what.measures[0].name + ": " + e.what()};
        }
      }
    }
    return out;
  }

  void print_head() const {
    fmt::print("{:<34}", "");
    for (const auto& kind : kinds_)
      fmt::print(" {:>9} {:<17}", kind.name, "  (min..max)");
    for (std::size_t i = 1; i < kinds_.size(); ++i)
      fmt::print(" {:>9}", "/ " + kinds_[i].name);
    fmt::print("\n");
  }

  void print(const scenario& what, const std::vector<reports>& all) const {
    for (const auto& line : what.measures) {
      if (!std::regex_search(line.name, std::regex{how_.only})) continue;
      fmt::print("{:<34}", line.name);
      std::vector<double> medians;
      for (const auto& of_one : all) {
        std::vector<double> values;
        for (const auto& one : of_one)
          values.push_back(one.at(line.key));
        std::ranges::sort(values);
        medians.push_back(values[values.size() / 2]);
        fmt::print(" {:>9.3f} {:<17}", medians.back(),
                   fmt::format("({:.3f}..{:.3f})", values.front(), values.back()));
      }
      for (std::size_t i = 1; i < medians.size(); ++i)
        fmt::print(" {:>9}", medians[i] > 0 ? fmt::format("{:.2f}", medians[0] / medians[i]) : "-");
      fmt::print("  {}\n", line.unit);
    }
    static_cast<void>(std::fflush(stdout));
  }

  const arguments& how_;
  std::vector<server_kind> kinds_;
  test::temporary_directory directory_;
  stand_in telegram_;
  std::vector<std::unique_ptr<server>> servers_;
};

bool is_wanted(const scenario& what, const std::regex& only) {
  return std::ranges::any_of(
      what.measures, [&](const measure& line) { return std::regex_search(line.name, only); });
}

void add_options(CLI::App& app, arguments& how) {
  app.add_option("--proxy", how.proxy, "The build that is measured")->check(CLI::ExistingFile);
  app.add_option("--against", how.against, "Another build, measured beside it")
      ->check(CLI::ExistingFile);
  app.add_option("--runs", how.runs, "Runs of each line; the median counts")
      ->check(CLI::PositiveNumber);
  app.add_option("--only", how.only, "Only lines whose name this expression finds");
  app.add_flag("--no-floor", how.no_floor, "Without the floor");
  app.add_flag("--list", how.list, "Names of the lines, and nothing more");
}

}  // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures the proxy beside a hand-written floor"};
  add_options(app, how);
  CLI11_PARSE(app, argc, argv);
  std::vector<server_kind> kinds{{.name = "proxy", .program = how.proxy}};
  if (!how.against.empty()) kinds.push_back({.name = "other", .program = how.against});
  if (!how.no_floor)
    kinds.push_back({.name = "floor", .program = MTP_FLOOR_BINARY, .is_floor = true});
  try {
    auto scenarios = all_scenarios();
    std::erase_if(scenarios,
                  [only = std::regex{how.only}](const auto& one) { return !is_wanted(one, only); });
    if (how.list) {
      for (const auto& one : scenarios)
        for (const auto& line : one.measures)
          fmt::print("{}\n", line.name);
      return 0;
    }
    bench_run{how, std::move(kinds)}.measure_all(scenarios);
  } catch (const std::exception& e) {
    fmt::print(stderr, "failed: {}\n", e.what());
    return 1;
  }
  return 0;
}
