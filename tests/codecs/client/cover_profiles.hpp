// Generators of cover profiles.
#pragma once

#include "codecs/client/cover_profile.hpp"
#include "tests/support/property.hpp"

namespace mtp::test {

/// Any that the text format can hold, likely ones or not.
inline rc::Gen<observed_flight> any_observed_flight() {
  return rc::gen::exec([] {
    observed_flight flight{.kind = static_cast<flight_kind>(
                               *rc::gen::inRange<std::size_t>(0, flight_kind_names.size())),
                           .version = *rc::gen::arbitrary<std::uint16_t>(),
                           .suite = *rc::gen::inRange<std::uint16_t>(0x1300, 0x1305),
                           .group = *rc::gen::element<std::uint16_t>(0, 0x001d, 0x11ec),
                           .alert = *rc::gen::arbitrary<std::uint8_t>(),
                           .session_id_echoed = *rc::gen::arbitrary<bool>(),
                           .change_cipher_spec = *rc::gen::arbitrary<bool>(),
                           .cut = *rc::gen::arbitrary<bool>()};
    if (*rc::gen::arbitrary<bool>()) flight.kind = flight_kind::tls13;
    for (const auto type : *rc::gen::arbitrary<std::vector<std::uint16_t>>())
      flight.extensions.push_back(type);
    for (const auto size : *rc::gen::arbitrary<std::vector<std::uint16_t>>())
      flight.records.push_back(size);
    return flight;
  });
}

inline rc::Gen<cover_profile> any_profile() {
  return rc::gen::exec([] {
    cover_profile profile{
        .site = *rc::gen::element<std::string>("", "example.com:443", "unix:/run/site.sock",
                                               std::string(max_cover_site, '~')),
        .measured = *rc::gen::arbitrary<std::uint64_t>(),
        .samples = {}};
    const auto count = *rc::gen::inRange(0, 20);
    for (int i = 0; i < count; ++i)
      add_sample(profile, *rc::gen::elementOf(all_hello_shapes), *any_observed_flight());
    return profile;
  });
}

}  // namespace mtp::test
