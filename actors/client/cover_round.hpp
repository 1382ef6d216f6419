// A round of measuring a cover site: several hellos of each shape, and what becomes of the profile.
// Pure.
#pragma once

#include <optional>

#include "codecs/client/cover_profile.hpp"

namespace mtp::actors {

class cover_round {
 public:
  /// Per shape: sizes differ with the length of signatures.
  static constexpr std::size_t samples_per_shape = 5;

  /// The shape of the next hello. Nothing: the round is over, at its end or because the site has
  /// not answered a hello of any shape.
  [[nodiscard]] std::optional<hello_shape> next() const noexcept;
  /// What came of it.
  void add(const observed_flight& flight);
  /// One of each shape was measured, at least.
  [[nodiscard]] bool has_all_shapes() const noexcept { return done_ >= hello_shapes; }
  /// The site has said something.
  [[nodiscard]] bool is_answered() const noexcept { return answers_ > 0; }

  /// It has sent what we can send in its place.
  [[nodiscard]] bool is_good() const noexcept { return can_imitate(seen_); }

  /// What was seen in this round. A shape whose answers can't be imitated has the samples of
  /// `before`, the profile of the same site, if there is one and those can; the result is as old as
  /// that then.
  [[nodiscard]] cover_profile profile(std::string site, std::uint64_t now,
                                      const cover_profile* before) const;

 private:
  cover_profile seen_;
  std::size_t done_ = 0;
  std::size_t answers_ = 0;
};

}  // namespace mtp::actors
