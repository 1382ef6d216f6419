#include "bench/scenarios.hpp"

namespace mtp::bench {

namespace {

scenario echo(const std::string& protocol, const std::string& connections,
              const std::string& messages) {
  return {.protocol = protocol,
          .load = {"echo", "--connections", connections, "--messages", messages},
          .measures = {{protocol + " echo 1 KiB, " + connections + " connections",
                        "cpu_us_per_request", "us CPU/message"}}};
}

scenario bulk(const std::string& protocol, const std::string& way) {
  return {.protocol = protocol,
          .load = {way, "--connections", "4", "--outstanding", "2", "--bytes", "1000000000"},
          .measures = {{protocol + " " + way + ", parts of 512 KiB", "cpu_s_per_gb", "s CPU/GB"}}};
}

void add_scenarios(const std::string& protocol, std::vector<scenario>& out) {
  out.push_back(echo(protocol, "10", "60000"));
  out.push_back(echo(protocol, "200", "150000"));
  out.push_back(echo(protocol, "1000", "150000"));
  out.push_back(bulk(protocol, "down"));
  out.push_back(bulk(protocol, "up"));
  out.push_back({.protocol = protocol,
                 .load = {"storm", "--connections", "8000"},
                 .measures = {{protocol + " storm of connections", "cpu_us_per_request",
                               "us CPU/connection"}}});
  out.push_back({.protocol = protocol,
                 .load = {"idle", "--connections", "10000", "--hold", "3"},
                 .fresh_process = true,
                 .measures = {{protocol + " 10000 idle, memory", "kb_per_client", "KiB/client"},
                              {protocol + " 10000 idle, CPU", "cpu_percent", "% of a core"}}});
  out.push_back({.protocol = protocol,
                 .load = {"paced", "--connections", "10", "--rate", "200", "--messages", "800"},
                 .measures = {{protocol + " 200 a second over 10, p50", "p50_us", "us"},
                              {protocol + " 200 a second over 10, p99", "p99_us", "us"}}});
  out.push_back({.protocol = protocol,
                 .load = {"paced", "--connections", "200", "--rate", "2000", "--messages", "6000"},
                 .measures = {{protocol + " 2000 a second over 200, CPU", "cpu_us_per_request",
                               "us CPU/message"},
                              {protocol + " 2000 a second over 200, p50", "p50_us", "us"}}});
}

}  // namespace

std::vector<scenario> all_scenarios() {
  std::vector<scenario> out;
  add_scenarios("dd", out);
  add_scenarios("ee", out);
  return out;
}

}  // namespace mtp::bench
