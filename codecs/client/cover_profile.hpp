// How the cover site answers a hello, as measured with probes, and the flight of ours that looks
// the same. Pure: an actor measures, keeps the profile and has the clock.
#pragma once

#include <string>
#include <vector>

#include "codecs/client/server_flight_reader.hpp"
#include "codecs/client/tls_hello_builder.hpp"
#include "codecs/client/tls_server_hello.hpp"

namespace mtp {

/// Samples per shape; a newer one takes the place of the oldest.
inline constexpr std::size_t max_cover_samples = 16;
inline constexpr std::size_t max_cover_site = 255;

struct cover_profile {
  /// The site as its operator wrote it; printable ASCII without blanks, at most `max_cover_site`.
  std::string site;
  /// Unix seconds of the last measurement; 0: none.
  std::uint64_t measured = 0;
  /// Per `hello_shape`, the oldest first.
  std::array<std::vector<observed_flight>, hello_shapes> samples;

  friend bool operator==(const cover_profile&, const cover_profile&) = default;
};

void add_sample(cover_profile& profile, hello_shape shape, const observed_flight& flight);

/// Whether the site has sent at least one flight that we can send in its place.
[[nodiscard]] bool can_imitate(const cover_profile& profile) noexcept;
/// The same for hellos of this shape.
[[nodiscard]] bool can_imitate(const cover_profile& profile, hello_shape shape) noexcept;

/// The profile for as long as no site was measured that can be imitated. Its site takes the
/// client's first suite, and ML-KEM if offered. It sends 2500 to 4499 bytes behind ServerHello: one
/// size per `seed` (the secret), and up to 2 more for the length of a signature. With SHA-384 it is
/// 16 more. doc/wire/fake_tls.md says why.
[[nodiscard]] cover_profile default_cover_profile(byte_view seed);

/// The flight that the site would send to this client: suite, group, order of extensions and the
/// bytes on the wire of its records, as far as clients accept them. `random` picks one of the
/// samples. With a profile of which nothing can be imitated, the size is random: use the default
/// profile instead.
[[nodiscard]] server_flight_plan plan_server_flight(const cover_profile& profile,
                                                    const client_hello& hello,
                                                    std::uint32_t random);

/// Why a site is a bad cover.
enum class cover_flaw : std::uint8_t {
  no_answer,
  not_tls,
  refused,
  older_tls,
  hello_retry_request,
  no_change_cipher_spec,
  flight_too_large,
};
inline constexpr std::size_t cover_flaws = 7;

/// For the operator: what the site does, why that is bad, and what to do. Begins with a verb; its
/// subject is the site.
[[nodiscard]] std::string_view explain(cover_flaw flaw) noexcept;

/// Nothing for a site that suits. A fault that another sample of the same shape does not have is
/// taken for the network's.
[[nodiscard]] std::vector<cover_flaw> flaws_of(const cover_profile& profile);

}  // namespace mtp
