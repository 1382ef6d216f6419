#include "actors/client/cover_round.hpp"

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
  for (const auto shape : all_hello_shapes) {
    if (can_imitate(seen_, shape) || !can_imitate(*before, shape)) continue;
    const auto at = static_cast<std::size_t>(shape);
    result.samples[at] = before->samples[at];
    result.measured = before->measured;
  }
  return result;
}

}  // namespace mtp::actors
