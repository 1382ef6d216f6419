#include "actors/core/metrics.hpp"

#include <algorithm>

namespace mtp::actors {

namespace {

/// 0 is what threads without cells of their own share.
thread_local unsigned own_index = 0;

}  // namespace

metrics::metrics() {
  storage_.push_back(std::make_unique<std::array<cell, cells_per_thread>>());
  blocks_[0] = storage_.front()->data();
}

void metrics::own_cells(unsigned index) noexcept {
  own_index = index + 1 < max_threads ? index + 1 : 0;
}

void counter::add(std::uint64_t amount) noexcept {
  if (owner_ != nullptr) owner_->add(cell_, amount);
}

void histogram::observe(std::uint64_t value) noexcept {
  if (owner_ == nullptr) return;
  const auto bucket = std::ranges::lower_bound(*bounds_, value) - bounds_->begin();
  owner_->add(cell_ + static_cast<std::uint32_t>(bucket), 1);
  owner_->add(cell_ + static_cast<std::uint32_t>(bounds_->size()) + 1, value);
}

metrics::cell* metrics::own_block() noexcept {
  auto* block = blocks_[own_index].load(std::memory_order_acquire);
  if (block != nullptr) return block;
  // First use by this thread; no other thread has its index.
  const std::lock_guard lock{mutex_};
  storage_.push_back(std::make_unique<std::array<cell, cells_per_thread>>());
  block = storage_.back()->data();
  blocks_[own_index].store(block, std::memory_order_release);
  return block;
}

void metrics::add(std::uint32_t at, std::uint64_t amount) noexcept {
  auto& value = own_block()[at];
  if (own_index == 0)
    value.fetch_add(amount, std::memory_order_relaxed);
  else  // the only writer: no locked instruction needed
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

std::uint64_t metrics::total(std::uint32_t at) const noexcept {
  std::uint64_t sum = 0;
  for (const auto& block : blocks_)
    if (const auto* values = block.load(std::memory_order_acquire))
      sum += values[at].load(std::memory_order_relaxed);
  return sum;
}

metrics::family_state& metrics::family_of(std::string_view name, std::string_view help, kind type) {
  const auto at = families_.find(name);
  if (at != families_.end()) return at->second;
  auto& created = families_[std::string{name}];
  created.help = help;
  created.type = type;
  return created;
}

std::optional<std::uint32_t> metrics::cells_of(family_state& in, const metric_labels& labels,
                                               std::size_t count) {
  const auto known = std::ranges::find(in.all, labels, &series::labels);
  if (known != in.all.end()) return known->first_cell;
  if (next_cell_ + count > cells_per_thread) return std::nullopt;
  in.all.push_back({.labels = labels, .first_cell = next_cell_});
  next_cell_ += static_cast<std::uint32_t>(count);
  return in.all.back().first_cell;
}

counter metrics::get_counter(std::string_view name, std::string_view help,
                             const metric_labels& labels) {
  const std::lock_guard lock{mutex_};
  const auto at = cells_of(family_of(name, help, kind::counter), labels, 1);
  return at ? counter{*this, *at} : counter{};
}

histogram metrics::get_histogram(std::string_view name, std::string_view help,
                                 const histogram_spec& spec, const metric_labels& labels) {
  const std::lock_guard lock{mutex_};
  auto& state = family_of(name, help, kind::histogram);
  if (state.all.empty()) state.spec = spec;
  // A cell a bucket, one for what is above all bounds, one for the sum.
  const auto first = cells_of(state, labels, state.spec.bounds.size() + 2);
  return first ? histogram{*this, *first, state.spec.bounds} : histogram{};
}

void metrics::set_gauge(std::string_view name, std::string_view help,
                        std::function<gauge_values()> compute) {
  set_gauges({{.name = name, .help = help}},
             [compute = std::move(compute)] { return std::vector<gauge_values>{compute()}; });
}

void metrics::set_gauges(const std::vector<gauge_name>& gauges, gauges_function compute) {
  const auto shared = std::make_shared<const gauges_function>(std::move(compute));
  const std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < gauges.size(); ++i) {
    auto& state = family_of(gauges[i].name, gauges[i].help, kind::gauge);
    state.compute = shared;
    state.place = i;
  }
}

void metrics::read_series(const family_state& from, family& into) const {
  for (const auto& labelled : from.all) {
    auto& added = into.samples.emplace_back();
    added.labels = labelled.labels;
    if (from.type == kind::counter) {
      added.value = static_cast<double>(total(labelled.first_cell));
      continue;
    }
    const auto& bounds = from.spec.bounds;
    for (std::uint32_t i = 0; i <= bounds.size(); ++i)
      added.buckets.push_back(total(labelled.first_cell + i));
    for (const auto bound : bounds)
      added.bounds.push_back(static_cast<double>(bound) / from.spec.scale);
    const auto sum_at = labelled.first_cell + static_cast<std::uint32_t>(bounds.size()) + 1;
    added.sum = static_cast<double>(total(sum_at)) / from.spec.scale;
  }
}

std::vector<metrics::family> metrics::read_counts() const {
  std::vector<family> families;
  const std::lock_guard lock{mutex_};
  for (const auto& [name, state] : families_) {
    if (state.type == kind::gauge) continue;
    auto& shown = families.emplace_back(
        family{.name = name, .help = state.help, .type = state.type, .samples = {}});
    read_series(state, shown);
  }
  return families;
}

std::vector<metrics::family> metrics::read() const {
  auto families = read_counts();
  struct gauge {
    std::size_t at;
    std::shared_ptr<const gauges_function> compute;
    std::size_t place;
  };
  std::vector<gauge> gauges;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [name, state] : families_) {
      if (state.type != kind::gauge) continue;
      gauges.push_back({.at = families.size(), .compute = state.compute, .place = state.place});
      families.push_back({.name = name, .help = state.help, .type = kind::gauge, .samples = {}});
    }
  }
  // Outside the lock: a gauge may ask anybody for its values.
  std::map<std::shared_ptr<const gauges_function>, std::vector<gauge_values>> computed;
  for (const auto& [at, compute, place] : gauges) {
    auto [found, is_new] = computed.try_emplace(compute);
    if (is_new) found->second = (*compute)();
    for (auto& [labels, value] : found->second.at(place))
      families[at].samples.push_back(
          {.labels = labels, .value = value, .buckets = {}, .bounds = {}, .sum = 0});
  }
  return families;
}

}  // namespace mtp::actors
