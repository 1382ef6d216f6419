#include "actors/client/cover_round.hpp"

#include <algorithm>

namespace mtp::actors {

std::optional<hello_shape> cover_round::next() const noexcept {
  if (done_ == hello_shapes * samples_per_shape) return std::nullopt;
  if (done_ == hello_shapes && answers_ == 0) return std::nullopt;
  return all_hello_shapes[done_ % hello_shapes];
}

void cover_round::add(const observed_flight& flight) {
  add_sample(seen_, all_hello_shapes[done_ % hello_shapes], flight);
  ++done_;
  if (flight.kind != flight_kind::none) ++answers_;
}

cover_profile cover_round::profile(std::string site, std::uint64_t now,
                                   const cover_profile* before) const {
  auto result = seen_;
  result.site = std::move(site);
  result.measured = now;
  if (before == nullptr) return result;
  for (std::size_t i = 0; i < hello_shapes; ++i) {
    const bool is_silent = std::ranges::all_of(
        result.samples[i], [](const auto& flight) { return flight.kind == flight_kind::none; });
    if (is_silent && !before->samples[i].empty()) result.samples[i] = before->samples[i];
  }
  return result;
}

}  // namespace mtp::actors
