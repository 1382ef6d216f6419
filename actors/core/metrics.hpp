// Counters, histograms and gauges of the whole process.
//
// Counting is on the path of every packet, and prometheus-cpp's counters are compare-and-swap loops
// on shared cache lines (its histograms lock a mutex). So values live here: every reactor writes to
// cells of its own, and reading adds them up. app/metrics_text hands them to prometheus-cpp, which
// knows the format.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mtp::actors {

/// Label names and values, in the order they are shown.
using metric_labels = std::vector<std::pair<std::string, std::string>>;

class metrics;

/// Only goes up. Cheap to copy; valid as long as its `metrics`.
class counter {
 public:
  counter() = default;
  void add(std::uint64_t amount = 1) noexcept;

 private:
  friend class metrics;
  counter(metrics& owner, std::uint32_t cell) noexcept : owner_{&owner}, cell_{cell} {}
  metrics* owner_ = nullptr;
  std::uint32_t cell_ = 0;
};

/// Counts observations by size. Cheap to copy; valid as long as its `metrics`.
class histogram {
 public:
  histogram() = default;
  /// `value` in the unit of its bounds: bytes, or nanoseconds for durations.
  void observe(std::uint64_t value) noexcept;

 private:
  friend class metrics;
  histogram(metrics& owner, std::uint32_t cell, const std::vector<std::uint64_t>& bounds) noexcept
      : owner_{&owner}, cell_{cell}, bounds_{&bounds} {}
  metrics* owner_ = nullptr;
  std::uint32_t cell_ = 0;
  const std::vector<std::uint64_t>* bounds_ = nullptr;
};

/// The buckets and the scale of a histogram.
struct histogram_spec {
  /// Upper bounds of its buckets (inclusive), ascending.
  std::vector<std::uint64_t> bounds;
  /// Values are shown divided by this: 1 for bytes, 1e9 for durations.
  double scale = 1;
};

class metrics {
 public:
  metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;
  metrics(metrics&&) = delete;
  metrics& operator=(metrics&&) = delete;
  ~metrics() = default;

  /// Gives the calling thread cells of its own; `index` is unique among threads that call this.
  /// Others share one set, with atomic additions.
  static void own_cells(unsigned index) noexcept;

  /// The same name and labels give the same counter. `help` and label names must not differ within
  /// a name. Takes a lock: fetch once, keep the result. Beyond 16384 cells new ones are not
  /// counted.
  [[nodiscard]] counter get_counter(std::string_view name, std::string_view help,
                                    const metric_labels& labels = {});
  [[nodiscard]] histogram get_histogram(std::string_view name, std::string_view help,
                                        const histogram_spec& spec,
                                        const metric_labels& labels = {});
  /// A value that is computed for each reading. Replaces an earlier one of the same name.
  using gauge_values = std::vector<std::pair<metric_labels, double>>;
  void set_gauge(std::string_view name, std::string_view help,
                 std::function<gauge_values()> compute);
  /// The same for several gauges whose values are computed together: `compute` returns as many, in
  /// the order of `gauges`.
  struct gauge_name {
    std::string_view name;
    std::string_view help;
  };
  using gauges_function = std::function<std::vector<gauge_values>()>;
  void set_gauges(const std::vector<gauge_name>& gauges, gauges_function compute);

  // -- reading ----------------------------------------------------------------------------------

  enum class kind : std::uint8_t { counter, histogram, gauge };
  struct sample {
    metric_labels labels;
    /// Counter or gauge.
    double value = 0;
    /// Histogram: one count per bucket (not cumulative), the last one without an upper bound;
    /// scaled bounds and sum.
    std::vector<std::uint64_t> buckets;
    std::vector<double> bounds;
    double sum = 0;
  };
  struct family {
    std::string name;
    std::string help;
    kind type = kind::counter;
    std::vector<sample> samples;
  };
  /// Everything as it stands. Counters that were never touched are included.
  [[nodiscard]] std::vector<family> read() const;
  /// The same without gauges: asks no actor, so it never waits.
  [[nodiscard]] std::vector<family> read_counts() const;

 private:
  friend class counter;
  friend class histogram;

  // A listener needs about 100 and a DC about 40.
  static constexpr std::size_t cells_per_thread = std::size_t{1} << 14;
  static constexpr std::size_t max_threads = 257;
  using cell = std::atomic<std::uint64_t>;
  using cells = std::unique_ptr<std::array<cell, cells_per_thread>>;

  struct series {
    metric_labels labels;
    std::uint32_t first_cell = 0;
  };
  struct family_state {
    std::string help;
    kind type = kind::counter;
    histogram_spec spec;
    std::vector<series> all;
    /// For a gauge: its values are number `place` of the result.
    std::shared_ptr<const gauges_function> compute;
    std::size_t place = 0;
  };

  void read_series(const family_state& from, family& into) const;
  void add(std::uint32_t at, std::uint64_t amount) noexcept;
  [[nodiscard]] cell* own_block() noexcept;
  [[nodiscard]] std::uint64_t total(std::uint32_t at) const noexcept;
  family_state& family_of(std::string_view name, std::string_view help, kind type);
  std::optional<std::uint32_t> cells_of(family_state& in, const metric_labels& labels,
                                        std::size_t count);

  mutable std::mutex mutex_;
  std::map<std::string, family_state, std::less<>> families_;
  std::uint32_t next_cell_ = 0;
  std::array<std::atomic<cell*>, max_threads> blocks_{};
  std::vector<cells> storage_;
};

}  // namespace mtp::actors
