// Probes with keys that are good and randomness that is known.
#pragma once

#include "codecs/client/cover_probe.hpp"
#include "tests/support/property.hpp"

namespace mtp::test {

inline x25519_share any_x25519_share(std::uint64_t seed) {
  while (true) {
    x25519_share random{};
    std::ranges::copy(noise(random.size(), seed++), random.begin());
    if (const auto share = make_x25519_share(random)) return *share;
  }
}

inline cover_probe probe_of(hello_shape shape, std::string_view sni = "example.com",
                            std::uint64_t seed = 1) {
  const auto random = noise(cover_probe_random_size, seed);
  return make_cover_probe(shape, sni,
                          {.hybrid = any_x25519_share(seed),
                           .plain = any_x25519_share(seed + 100),
                           .ech = any_x25519_share(seed + 200)},
                          std::span<const std::uint8_t, cover_probe_random_size>{random});
}

}  // namespace mtp::test
