// Instructions of the release build for one message, one part, one connection, counted by
// callgrind and compared with recorded values: unlike times they are the same on a busy machine,
// so that a test can tell that something got slower. Each value is the difference of a long and a
// short run of the load generator, divided by the difference of their lengths: what starts and ends
// a run drops out.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "bench/environment_text.hpp"
#include "bench/run_load.hpp"

namespace {

using namespace mtp;
using namespace mtp::bench;

/// A larger difference, either way, is a failure.
constexpr double tolerance = 0.05;
/// What ctest takes for a skipped test.
constexpr int skip_status = 77;
constexpr std::chrono::seconds dump_time{30};
constexpr std::uint64_t part = std::uint64_t{512} * 1024;

struct operation {
  std::string name;
  std::string protocol;
  /// The load generator's mode and options; "N" stands for the length of a run.
  std::vector<std::string> load;
  std::uint64_t short_run = 0;
  std::uint64_t long_run = 0;
  /// What of the length makes one operation.
  std::uint64_t unit = 1;
};

std::vector<operation> all_operations() {
  std::vector<operation> operations;
  for (const std::string protocol : {"dd", "ee"}) {
    operations.push_back({.name = protocol + " echo of 1 KiB, alone",
                          .protocol = protocol,
                          .load = {"echo", "--warm-up", "0", "--messages", "N"},
                          .short_run = 100,
                          .long_run = 1600});
    operations.push_back({.name = protocol + " echo of 1 KiB, 16 at once",
                          .protocol = protocol,
                          .load = {"echo", "--warm-up", "0", "--batch", "16", "--messages", "N"},
                          .short_run = 160,
                          .long_run = 3200});
    // Ciphers are most of what a large packet takes; this is all the rest.
    operations.push_back(
        {.name = protocol + " echo of 64 B, 16 at once",
         .protocol = protocol,
         .load = {"echo", "--warm-up", "0", "--batch", "16", "--size", "64", "--messages", "N"},
         .short_run = 160,
         .long_run = 3200});
    for (const std::string way : {"down", "up"})
      operations.push_back({.name = protocol + " part of 512 KiB " + way,
                            .protocol = protocol,
                            .load = {way, "--warm-up", "0", "--bytes", "N"},
                            .short_run = 2 * part,
                            .long_run = 22 * part,
                            .unit = part});
    operations.push_back(
        {.name = protocol + " connection",
         .protocol = protocol,
         .load = {"storm", "--warm-up", "0", "--parallel", "1", "--connections", "N"},
         .short_run = 20,
         .long_run = protocol == "dd" ? 1020U : 220U});
  }
  return operations;
}

/// The proxy under callgrind, with one reactor.
class counted_proxy {
 public:
  explicit counted_proxy(const std::string& program)
      : telegram_{MTP_FAKE_TELEGRAM, directory_.path()},
        server_{
            {.name = "proxy",
             .program = program,
             .config = "reactors = 1\n",
             .wrapper = {"/usr/bin/env",
                         // Plain loops, whose steps don't depend on the sizes of caches. Of
                         // `rep movsb` every byte would count.
                         "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=1073741824"
                         ":glibc.cpu.x86_rep_stosb_threshold=1073741824"
                         ":glibc.cpu.x86_non_temporal_threshold=1073741824",
                         "valgrind", "--tool=callgrind", "--callgrind-out-file=" + counts_file()}},
            telegram_,
            directory_.path()} {
    // What runs for the first time looks up symbols, fetches algorithms and grows tables.
    for (const auto& operation : all_operations())
      run(operation, operation.short_run);
    static_cast<void>(take_count());
  }

  /// Instructions of one operation.
  double count(const operation& measured) {
    run(measured, measured.short_run);
    const auto few = take_count();
    run(measured, measured.long_run);
    const auto many = take_count();
    return (many - few) * static_cast<double>(measured.unit) /
           static_cast<double>(measured.long_run - measured.short_run);
  }

  /// What callgrind wrote of the latest run, for callgrind_annotate.
  [[nodiscard]] std::string latest_counts() const {
    return counts_file() + '.' + std::to_string(dumps_);
  }

 private:
  [[nodiscard]] std::string counts_file() const { return directory_.path() / "counts"; }

  void run(const operation& measured, std::uint64_t length) {
    auto load = measured.load;
    std::ranges::replace(load, "N", std::to_string(length));
    run_load(server_, measured.protocol, load, directory_.path());
  }

  /// Instructions since the last call.
  double take_count() {
    test::process ask{
        "/usr/bin/env",
        {.arguments = {"vgdb", "--pid=" + std::to_string(server_.pids().front()), "dump"},
         .output = directory_.path() / "vgdb"}};
    if (ask.wait(dump_time) != 0) throw std::runtime_error{"vgdb: " + ask.output()};
    ++dumps_;
    std::ifstream in{latest_counts()};
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("totals: ")) return std::stod(line.substr(8));
    throw std::runtime_error{"callgrind wrote no count"};
  }

  test::temporary_directory directory_;
  stand_in telegram_;
  server server_;
  unsigned dumps_ = 0;
};

struct arguments {
  std::string proxy = MTP_PROXY_BINARY;
  std::string file = MTP_RECORDED_INSTRUCTIONS;
  std::string only;
  std::string profile;
  bool record = false;
  bool or_skip = false;
};

struct recorded_values {
  std::string environment;
  std::map<std::string, double> values;
};

recorded_values load_values(const std::string& path) {
  recorded_values recorded;
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);) {
    const auto at = line.find(" = ");
    if (line.starts_with('#') || at == std::string::npos) continue;
    if (const auto name = line.substr(0, at); name == "recorded with")
      recorded.environment = line.substr(at + 3);
    else
      recorded.values[name] = std::stod(line.substr(at + 3));
  }
  return recorded;
}

constexpr const char* how_to_record =
    "If that is meant, record what is now and commit it: make instructions-record\n";

bool is_near(double value, double recorded) {
  return std::abs(value / recorded - 1) <= tolerance;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// One count, if that is what was recorded; else the median of three, as a machine that stalls at a
/// bad moment changes what packets meet each other.
double count_with_patience(counted_proxy& proxy, const operation& measured, double recorded) {
  std::vector<double> all{proxy.count(measured)};
  while (!is_near(all.front(), recorded) && all.size() < 3)
    all.push_back(proxy.count(measured));
  return median(all);
}

/// Whether all values are those recorded.
bool compare(const recorded_values& recorded, const std::vector<operation>& operations,
             counted_proxy& proxy) {
  bool same = true;
  for (const auto& operation : operations) {
    const auto known = recorded.values.find(operation.name);
    if (known == recorded.values.end()) {
      fmt::print("{:<34} is not recorded\n", operation.name);
      same = false;
      continue;
    }
    const auto value = count_with_patience(proxy, operation, known->second);
    const bool near = is_near(value, known->second);
    const auto change = value / known->second - 1;
    fmt::print("{:<34} {:>9.0f}  recorded {:>9.0f}  {:+6.1f}%{}\n", operation.name, value,
               known->second, 100 * change,
               near         ? ""
               : change > 0 ? "  MORE WORK"
                            : "  LESS WORK");
    static_cast<void>(std::fflush(stdout));
    same = same && near;
  }
  if (!same) fmt::print("More than {:.0f}% off. {}", 100 * tolerance, how_to_record);
  return same;
}

/// Medians of three processes.
void record(const arguments& how, const std::vector<operation>& operations) {
  std::map<std::string, std::vector<double>> counted;
  for (int i = 0; i < 3; ++i) {
    counted_proxy proxy{how.proxy};
    for (const auto& operation : operations)
      counted[operation.name].push_back(proxy.count(operation));
  }
  std::ostringstream text;
  text << "# Instructions per operation, release build. Written by `make instructions-record`;\n"
          "# compared by the test `instructions`. What they mean: doc/performance.md.\n"
       << "recorded with = " << environment_text() << '\n';
  for (const auto& operation : operations)
    text << fmt::format("{} = {:.0f}\n", operation.name, median(counted[operation.name]));
  std::ofstream file{how.file};
  file << text.str() << std::flush;
  if (!file) throw std::runtime_error{"can't write " + how.file};
  fmt::print("{}recorded in {}\n", text.str(), how.file);
}

/// Copies what callgrind wrote. Functions that were entered before counting began have 0 calls
/// there, and callgrind_annotate would take what they called for their own work.
void save_profile(const std::string& from, const std::string& path) {
  const std::string no_calls = "calls=0 ";
  std::ifstream in{from};
  std::ofstream file{path};
  for (std::string line; std::getline(in, line);)
    file << (line.starts_with(no_calls) ? "calls=1 " + line.substr(no_calls.size()) : line) << '\n';
}

/// Says that nothing is compared: here, and in the file that MTP_SKIPPED names, for `make test`.
void tell_skipped(const std::string& recorded, const std::string& here) {
  const auto line =
      fmt::format("instructions: recorded with \"{}\", and here is \"{}\"", recorded, here);
  fmt::print("Skipped, as this machine lacks something:\n{}\n", line);
  if (const char* const file = std::getenv("MTP_SKIPPED"))
    std::ofstream{file, std::ios::app} << line << '\n';
}

int run(const arguments& how) {
  const auto recorded = load_values(how.file);
  const auto here = environment_text();
  if (!how.record && recorded.environment != here) {
    if (how.or_skip) {
      tell_skipped(recorded.environment, here);
      return skip_status;
    }
    fmt::print("{} was recorded with\n  {}\nand here is\n  {}\nso the values can't be compared. {}",
               how.file, recorded.environment, here, how_to_record);
    return 1;
  }
  auto operations = all_operations();
  std::erase_if(operations, [only = std::regex{how.only}](const auto& operation) {
    return !std::regex_search(operation.name, only);
  });
  if (how.record) {
    record(how, operations);
    return 0;
  }
  counted_proxy proxy{how.proxy};
  const bool same = compare(recorded, operations, proxy);
  if (!how.profile.empty()) save_profile(proxy.latest_counts(), how.profile);
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Counts the instructions of an operation and compares them with recorded values"};
  app.add_option("--proxy", how.proxy, "The build that is counted")->check(CLI::ExistingFile);
  app.add_option("--file", how.file, "Recorded values");
  auto* only = app.add_option("--only", how.only, "Only what this expression finds");
  auto* profile = app.add_option("--profile", how.profile,
                                 "Where to leave what callgrind_annotate reads: the last one's")
                      ->check(CLI::NonexistentPath);
  app.add_flag("--or-skip", how.or_skip,
               "With status 77 instead of 1 if the values can't be compared here");
  app.add_flag("--record", how.record, "Write what is counted")->excludes(only)->excludes(profile);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(how);
  } catch (const std::exception& e) {
    fmt::print(stderr, "failed: {}\n", e.what());
    return 1;
  }
}
