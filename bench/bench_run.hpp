// Runs of `make bench`: servers, one load after the other, and what is printed of them.
#pragma once

#include <memory>
#include <regex>
#include <vector>

#include "bench/link_ceiling.hpp"
#include "bench/reload_cost.hpp"
#include "bench/scenarios.hpp"
#include "bench/split_table.hpp"

namespace mtp::bench {

class bench_run {
 public:
  struct options {
    /// Of each line; the median counts.
    unsigned runs = 3;
    /// Only lines whose name this finds.
    std::regex only;
  };
  /// The first of `kinds` is the proxy in one process, which the others are compared with. Throws
  /// std::runtime_error if the stand-in for Telegram does not start.
  bench_run(options how, std::vector<server_kind> kinds);

  /// Runs alternate between the servers, so that a busy machine is busy for all. Prints a table as
  /// lines come, and one of split mode at the end. Throws std::runtime_error if a server does not
  /// start or the load generator finds something wrong.
  void measure_all(const std::vector<scenario>& scenarios);
  /// Prints what a link carries, if there is a split server. Throws as `measure_all`.
  void measure_ceilings(const std::vector<ceiling>& ceilings);
  /// Prints what forwarding to a cover site takes. Throws as `measure_all`.
  void measure_fronting();
  /// Prints what a reload takes. Throws as `measure_all`.
  void measure_reloads();

 private:
  /// One report per run, of one server.
  using reports = std::vector<report>;

  [[nodiscard]] bool is_wanted(const std::string& line) const;
  [[nodiscard]] bool takes_part(const scenario& measured, const server_kind& kind) const;
  [[nodiscard]] std::unique_ptr<server> start(const server_kind& kind);
  report run(std::size_t kind, const std::string& protocol, const std::vector<std::string>& load,
             bool fresh_process, const std::string& line);
  /// Of each kind; of one that has no line wanted, none.
  std::vector<reports> measure(const scenario& measured);
  void print_head(const std::vector<scenario>& scenarios) const;
  void print(const scenario& measured, const std::vector<reports>& all) const;
  void print(const ceiling& measured, const reports& all) const;
  [[nodiscard]] saturation saturation_of(const report& run) const;
  void add_rows(const scenario& measured, const std::vector<reports>& all,
                std::vector<split_row>& rows) const;

  options how_;
  std::vector<server_kind> kinds_;
  /// Which of them is the split one.
  std::optional<std::size_t> split_;
  test::temporary_directory directory_;
  stand_in telegram_;
  /// Of each kind; started when it is needed.
  std::vector<std::unique_ptr<server>> servers_;
};

}  // namespace mtp::bench
