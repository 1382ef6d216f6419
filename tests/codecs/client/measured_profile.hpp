// The profile of a real server.
#pragma once

#include "codecs/client/cover_profile.hpp"
#include "tests/codecs/client/cover_probes.hpp"
#include "tests/codecs/client/site_flights.hpp"
#include "tests/support/tls_site.hpp"

namespace mtp::test {

/// One sample per shape.
inline cover_profile measured(const tls_site& site) {
  cover_profile profile{.site = "example.com:443", .measured = 1'800'000'000};
  for (const auto shape : all_hello_shapes) {
    const auto probe = probe_of(shape);
    add_sample(profile, shape, read_flight(site.answer(probe.record), probe.session_id));
  }
  return profile;
}

}  // namespace mtp::test
