#include "bench/scenarios.hpp"

namespace mtp::bench {

namespace {

using subject = split_bound::subject;

scenario echo(const std::string& protocol, const std::string& connections,
              const std::string& messages, std::optional<split_bound> bound = {}) {
  const auto name = "echo 1 KiB, " + connections + " connections";
  return {.protocol = protocol,
          .load = {"echo", "--connections", connections, "--messages", messages},
          .measures = {{protocol + ' ' + name, "cpu_us_per_request", "us CPU/message"}},
          .split = {{.line = {protocol + " split, " + name, "cpu_us_per_request", "us CPU/message"},
                     .bound = bound}}};
}

scenario bulk(const std::string& protocol, const std::string& way) {
  const auto name = way + ", parts of 512 KiB";
  return {.protocol = protocol,
          .load = {way, "--connections", "4", "--outstanding", "2", "--bytes", "1000000000"},
          .measures = {{protocol + ' ' + name, "cpu_s_per_gb", "s CPU/GB"}},
          .split = {{.line = {protocol + " split, " + name, "cpu_s_per_gb", "s CPU/GB"},
                     .bound = split_bound{.of = subject::ratio, .most = 2}}}};
}

void add_scenarios(const std::string& protocol, std::vector<scenario>& into) {
  into.push_back(echo(protocol, "10", "60000"));
  into.push_back(echo(protocol, "200", "150000", split_bound{.of = subject::ratio, .most = 2.5}));
  into.push_back(echo(protocol, "1000", "150000"));
  into.push_back(bulk(protocol, "down"));
  into.push_back(bulk(protocol, "up"));
  into.push_back({.protocol = protocol,
                  .load = {"storm", "--connections", "8000"},
                  .measures = {{protocol + " storm of connections", "cpu_us_per_request",
                                "us CPU/connection"}}});
  into.push_back(
      {.protocol = protocol,
       .load = {"idle", "--connections", "10000", "--hold", "3"},
       .fresh_process = true,
       .measures = {{protocol + " 10000 idle, memory", "kb_per_client", "KiB/client"},
                    {protocol + " 10000 idle, CPU", "cpu_percent", "% of a core"}},
       .split = {{.line = {protocol + " split, 10000 idle, memory", "kb_per_client", "KiB/client"},
                  .bound = split_bound{.of = subject::back, .most = 1}}}});
  into.push_back(
      {.protocol = protocol,
       .load = {"paced", "--connections", "10", "--rate", "200", "--messages", "800"},
       .measures = {{protocol + " 200 a second over 10, p50", "p50_us", "us"},
                    {protocol + " 200 a second over 10, p99", "p99_us", "us"}},
       .split = {{.line = {protocol + " split, 200 a second over 10, p50", "p50_us", "us"},
                  .bound = split_bound{.of = subject::added, .most = 300}}}});
  into.push_back({.protocol = protocol,
                  .load = {"paced", "--connections", "200", "--rate", "2000", "--messages", "6000"},
                  .measures = {{protocol + " 2000 a second over 200, CPU", "cpu_us_per_request",
                                "us CPU/message"},
                               {protocol + " 2000 a second over 200, p50", "p50_us", "us"}}});
}

}  // namespace

std::vector<scenario> all_scenarios() {
  std::vector<scenario> scenarios;
  add_scenarios("dd", scenarios);
  add_scenarios("ee", scenarios);
  return scenarios;
}

}  // namespace mtp::bench
