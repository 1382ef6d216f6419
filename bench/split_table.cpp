#include "bench/split_table.hpp"

#include <fmt/format.h>

namespace mtp::bench {

namespace {

/// `number`: 1 is the front, 2 the back (see server::pids).
std::optional<double> node_median(const std::vector<report>& split, const std::string& key,
                                  int number) {
  const auto own = key + '.' + std::to_string(number);
  if (!split.front().values.contains(own)) return std::nullopt;
  return spread_of(split, own).median;
}

std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string cell(const spread& values) {
  return fmt::format("{:>9.3f} {:<19}", values.median,
                     fmt::format("({:.3f}..{:.3f})", values.smallest, values.largest));
}

/// What the bound is about, and how it is called.
std::pair<double, std::string> bounded_value(const split_row& row) {
  switch (row.bound->of) {
    case split_bound::subject::added:
      return {row.split.median - row.both.median, row.unit + " added"};
    case split_bound::subject::back:
      return {row.back.value(), row.unit + " on the back"};
    case split_bound::subject::ratio:
      break;
  }
  return {row.split.median / row.both.median, "x both"};
}

}  // namespace

split_row make_split_row(const split_measure& measure, const std::vector<report>& both,
                         const std::vector<report>& split) {
  return {.name = measure.line.name,
          .unit = measure.line.unit,
          .both = spread_of(both, measure.line.key),
          .split = spread_of(split, measure.line.key),
          .front = node_median(split, measure.line.key, 1),
          .back = node_median(split, measure.line.key, 2),
          .bound = measure.bound};
}

std::string bound_text(const split_row& row) {
  if (!row.bound) return {};
  const auto [value, name] = bounded_value(row);
  return fmt::format("{:.2f} of {:g} {}: {}", value, row.bound->most, name,
                     value <= row.bound->most ? "within" : "over");
}

std::string split_table(const std::vector<split_row>& rows) {
  auto text =
      fmt::format("{:<38} {:>9} {:<19} {:>9} {:<19} {:>9} {:>9} {:>7}  {:<15} {}\n", "", "both",
                  "  (min..max)", "split", "  (min..max)", "front", "back", "/ both", "", "bound");
  for (const auto& row : rows)
    text += fmt::format("{:<38} {} {} {:>9} {:>9} {:>7.2f}  {:<15} {}\n", row.name, cell(row.both),
                        cell(row.split), cell(row.front), cell(row.back),
                        row.split.median / row.both.median, row.unit, bound_text(row));
  return text;
}

}  // namespace mtp::bench
