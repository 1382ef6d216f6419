// What forwarding to a cover site takes, beside a bare splice relay (bench/splice_relay).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/bulk_site.hpp"
#include "bench/recorded_site.hpp"
#include "bench/servers.hpp"

namespace mtp::bench {

enum class fronting_load : std::uint8_t {
  /// CPU for 10^9 bytes, over 4 connections.
  down,
  up,
  /// CPU per connection, at 1000 a second.
  visits,
  /// p50 of clients while there are 1000 visits a second, beside that without.
  dd_latency,
  ee_latency,
};

struct fronting_line {
  std::string name;
  std::string unit;
  fronting_load load;
};

[[nodiscard]] std::vector<fronting_line> all_fronting_lines();

/// A column of the line, and its value in each run.
struct fronting_column {
  std::string name;
  std::vector<double> values;
};

/// Two sites, with proxies and a relay in front of each: one carries bytes, the other is visited.
class fronting_bench {
 public:
  /// `proxies`: builds of the proxy. Throws std::runtime_error.
  fronting_bench(const std::vector<server_kind>& proxies, const stand_in& telegram,
                 std::filesystem::path directory);

  /// Takes turns between the columns, so that a busy machine is busy for all. The first column is
  /// that of the first proxy. Throws std::runtime_error.
  [[nodiscard]] std::vector<fronting_column> measure(fronting_load load, unsigned runs);

 private:
  /// A proxy, or the relay, in front of a site.
  struct passage {
    std::string name;
    std::uint16_t port = 0;
    pid_t pid = 0;
    std::unique_ptr<server> proxy;
    std::unique_ptr<test::process> relay;
  };

  [[nodiscard]] std::vector<passage> open(const endpoint& site,
                                          const std::vector<server_kind>& proxies,
                                          const stand_in& telegram) const;
  [[nodiscard]] static double bulk_cpu(const passage& by, bulk_way way);
  [[nodiscard]] static double visit_cpu(const passage& by);
  [[nodiscard]] std::vector<fronting_column> measure_latency(const std::string& protocol,
                                                             unsigned runs) const;

  std::filesystem::path directory_;
  bulk_site bulk_site_;
  recorded_site recorded_site_;
  std::vector<passage> to_bulk_;
  std::vector<passage> to_recorded_;
};

/// Median, smallest and largest of each column, and the ratio of the first one to each other.
[[nodiscard]] std::string fronting_row(const fronting_line& line,
                                       const std::vector<fronting_column>& columns);

}  // namespace mtp::bench
