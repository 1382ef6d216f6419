#include "codecs/client/cover_profile.hpp"

#include <algorithm>
#include <numeric>

#include "codecs/client/tls_records.hpp"

namespace mtp {

namespace {

constexpr std::size_t default_shortest = 2500;
constexpr std::size_t default_spread = 2000;
/// Lengths of a signature that differ.
constexpr std::size_t default_samples = 3;

bool is_imitable(const observed_flight& flight) noexcept {
  return flight.kind == flight_kind::tls13 && flight.suite >= tls_aes_128_gcm_sha256 &&
         flight.suite <= tls_chacha20_poly1305_sha256 &&
         (flight.group == group_x25519 || flight.group == group_x25519_mlkem768) &&
         !flight.records.empty();
}

/// In one record instead of several: their payload, and the headers that fall away.
std::size_t size_in_one_record(const observed_flight& flight) noexcept {
  return std::accumulate(flight.records.begin(), flight.records.end(),
                         (flight.records.size() - 1) * tls_record_header_size);
}

/// Finished holds a hash, which is that of the suite.
std::size_t finished_size(std::uint16_t suite) noexcept {
  return suite == tls_aes_256_gcm_sha384 ? 48 : 32;
}

std::size_t encrypted_size(const observed_flight& sample, std::uint16_t suite) noexcept {
  const auto fixed = finished_size(sample.suite);
  const auto total = size_in_one_record(sample) + finished_size(suite);
  return std::clamp(total, fixed + 1, fixed + max_encrypted_flight) - fixed;
}

const std::vector<observed_flight>& samples_of(const cover_profile& profile,
                                               hello_shape shape) noexcept {
  return profile.samples[static_cast<std::size_t>(shape)];
}

/// Whether the site takes the client's first suite, whatever that is, as far as was seen.
bool follows_clients(const cover_profile& profile) noexcept {
  bounded_list<std::uint16_t, hello_shapes> followed;
  for (const auto shape : all_hello_shapes) {
    const auto first = first_suite(shape);
    for (const auto& sample : samples_of(profile, shape)) {
      if (!is_imitable(sample)) continue;
      if (sample.suite != first) return false;
      if (!followed.contains(first)) followed.push_back(first);
    }
  }
  return followed.size() > 1;
}

/// The shapes, the most similar to the client's first: what a hello offers changes the sizes of the
/// answer, e.g. by compression of certificates.
std::array<hello_shape, hello_shapes> nearest_shapes(const client_hello& hello) noexcept {
  using enum hello_shape;
  if (!hello.grease) return {no_grease, browser, x25519_only};
  if (hello.x25519_mlkem768) return {browser, no_grease, x25519_only};
  return {x25519_only, browser, no_grease};
}

const observed_flight* pick_sample(const cover_profile& profile, const client_hello& hello,
                                   std::uint32_t random) noexcept {
  for (const auto shape : nearest_shapes(hello)) {
    const auto& samples = samples_of(profile, shape);
    const auto count = static_cast<std::size_t>(std::ranges::count_if(samples, is_imitable));
    if (count == 0) continue;
    auto skipped = random % count;
    for (const auto& sample : samples)
      if (is_imitable(sample) && skipped-- == 0) return &sample;
  }
  return nullptr;
}

/// What is wrong with a flight that can't be imitated.
cover_flaw flaw_of(flight_kind kind) noexcept {
  switch (kind) {
    case flight_kind::none:
      return cover_flaw::no_answer;
    case flight_kind::hello_retry_request:
      return cover_flaw::hello_retry_request;
    case flight_kind::older_tls:
      return cover_flaw::older_tls;
    case flight_kind::alert:
      return cover_flaw::refused;
    case flight_kind::tls13:  // with nothing behind ServerHello
    case flight_kind::broken:
      break;
  }
  return cover_flaw::not_tls;
}

/// Appends what is wrong with a shape's samples.
void add_flaws(const std::vector<observed_flight>& samples, std::vector<cover_flaw>& found) {
  const bool answered = std::ranges::any_of(samples, is_imitable);
  for (const auto& sample : samples) {
    if (!answered) {
      found.push_back(flaw_of(sample.kind));
    } else if (is_imitable(sample)) {
      if (!sample.change_cipher_spec) found.push_back(cover_flaw::no_change_cipher_spec);
      if (sample.cut || size_in_one_record(sample) > max_encrypted_flight)
        found.push_back(cover_flaw::flight_too_large);
    }
  }
}

}  // namespace

void add_sample(cover_profile& profile, hello_shape shape, const observed_flight& flight) {
  auto& samples = profile.samples[static_cast<std::size_t>(shape)];
  if (samples.size() == max_cover_samples) samples.erase(samples.begin());
  samples.push_back(flight);
}

bool can_imitate(const cover_profile& profile) noexcept {
  return std::ranges::any_of(all_hello_shapes,
                             [&](hello_shape shape) { return can_imitate(profile, shape); });
}

bool can_imitate(const cover_profile& profile, hello_shape shape) noexcept {
  return std::ranges::any_of(profile.samples[static_cast<std::size_t>(shape)], is_imitable);
}

cover_profile default_cover_profile(byte_view seed) {
  const auto digest = sha256({as_bytes("encrypted flight"), seed});
  const auto shortest = default_shortest + load_le<std::uint32_t>(digest) % default_spread;
  cover_profile profile;
  for (const auto shape : all_hello_shapes) {
    auto& samples = profile.samples[static_cast<std::size_t>(shape)];
    samples.resize(
        default_samples,
        {.kind = flight_kind::tls13,
         .version = 0x0304,
         .suite = first_suite(shape),
         .group = shape == hello_shape::x25519_only ? group_x25519 : group_x25519_mlkem768,
         .session_id_echoed = true,
         .change_cipher_spec = true,
         .extensions = {ext_supported_versions, ext_key_share}});
    for (std::size_t i = 0; i < default_samples; ++i)
      samples[i].records.push_back(
          static_cast<std::uint16_t>(shortest + i + finished_size(first_suite(shape)) -
                                     finished_size(tls_aes_128_gcm_sha256)));
  }
  return profile;
}

server_flight_plan plan_server_flight(const cover_profile& profile, const client_hello& hello,
                                      std::uint32_t random) {
  server_flight_plan plan;
  if (!hello.suites.empty()) plan.suite = hello.suites.front();
  if (hello.x25519_mlkem768) plan.group = group_x25519_mlkem768;
  const auto* const sample = pick_sample(profile, hello, random);
  if (sample == nullptr) {
    plan.encrypted_size = default_shortest + random % default_spread;
    return plan;
  }
  if (!follows_clients(profile) && hello.suites.contains(sample->suite)) plan.suite = sample->suite;
  if (sample->group != group_x25519_mlkem768) plan.group = group_x25519;
  plan.key_share_first = !sample->extensions.empty() && sample->extensions.front() == ext_key_share;
  plan.encrypted_size = encrypted_size(*sample, plan.suite);
  return plan;
}

std::string_view explain(cover_flaw flaw) noexcept {
  static constexpr std::array<std::string_view, cover_flaws> texts{
      "does not answer the hello of a browser: check its address, and that it can be reached from "
      "this machine",
      "does not answer with TLS, or breaks off: check its port, or choose another site",
      "refuses the hello with an alert: check that it serves the name in tls_domains",
      "speaks no TLS 1.3, which all clients' hellos ask for, so that our answer differs from its "
      "own: switch TLS 1.3 on there, or choose another site",
      "asks for another key share than x25519 (HelloRetryRequest), which we can't, so that our "
      "answer differs from its own: let it accept X25519 (nginx: ssl_ecdh_curve), or choose "
      "another "
      "site",
      "sends no ChangeCipherSpec, which Telegram's clients insist on, so that our answer differs "
      "from its own: choose another site",
      "sends more than the 10,240 bytes that Telegram for iOS accepts, so that our answer is "
      "shorter than its own: shorten its certificate chain, or choose another site",
  };
  return texts[static_cast<std::size_t>(flaw)];
}

std::vector<cover_flaw> flaws_of(const cover_profile& profile) {
  std::vector<cover_flaw> found;
  for (const auto& samples : profile.samples)
    add_flaws(samples, found);
  const bool is_empty =
      std::ranges::all_of(profile.samples, [](const auto& samples) { return samples.empty(); });
  if (is_empty) found.push_back(cover_flaw::no_answer);
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace mtp
