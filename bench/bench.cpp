// `make bench`: CPU, memory and latency of the proxy beside the hand-written floor, and of a front
// and a back beside the proxy in one process.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/bench_run.hpp"
#include "bench/fronting_cost.hpp"

namespace {

using namespace mtp;
using namespace mtp::bench;

struct arguments {
  std::string proxy = MTP_PROXY_BINARY;
  std::string against;
  unsigned runs = 3;
  std::string only;
  bool no_floor = false;
  bool no_split = false;
  bool list = false;
};

void add_options(CLI::App& app, arguments& how) {
  app.add_option("--proxy", how.proxy, "The build that is measured")->check(CLI::ExistingFile);
  app.add_option("--against", how.against, "Another build, measured beside it")
      ->check(CLI::ExistingFile);
  app.add_option("--runs", how.runs, "Runs of each line; the median counts")
      ->check(CLI::PositiveNumber);
  app.add_option("--only", how.only, "Only lines whose name this expression finds");
  app.add_flag("--no-floor", how.no_floor, "Without the floor");
  app.add_flag("--no-split", how.no_split, "Without front and back");
  app.add_flag("--list", how.list, "Names of the lines, and nothing more");
}

std::vector<server_kind> kinds_of(const arguments& how) {
  std::vector<server_kind> kinds{{.name = "proxy", .program = how.proxy}};
  if (!how.against.empty()) kinds.push_back({.name = "other", .program = how.against});
  if (!how.no_floor)
    kinds.push_back({.name = "floor", .program = MTP_FLOOR_BINARY, .role = server_role::floor});
  if (!how.no_split)
    kinds.push_back({.name = "split", .program = how.proxy, .role = server_role::split});
  return kinds;
}

void list_lines(const std::regex& only) {
  const auto show = [&](const std::string& name) {
    if (std::regex_search(name, only)) fmt::print("{}\n", name);
  };
  for (const auto& scenario : all_scenarios()) {
    for (const auto& line : scenario.measures)
      show(line.name);
    for (const auto& of_split : scenario.split)
      show(of_split.line.name);
  }
  for (const auto& ceiling : all_ceilings())
    show(ceiling.name);
  for (const auto& line : all_fronting_lines())
    show(line.name);
  show(reload_line);
}

}  // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures the proxy beside a hand-written floor"};
  add_options(app, how);
  CLI11_PARSE(app, argc, argv);
  try {
    const std::regex only{how.only};
    if (how.list) {
      list_lines(only);
      return 0;
    }
    bench_run run{{.runs = how.runs, .only = only}, kinds_of(how)};
    run.measure_all(all_scenarios());
    run.measure_ceilings(all_ceilings());
    run.measure_fronting();
    run.measure_reloads();
  } catch (const std::exception& e) {
    fmt::print(stderr, "failed: {}\n", e.what());
    return 1;
  }
  return 0;
}
