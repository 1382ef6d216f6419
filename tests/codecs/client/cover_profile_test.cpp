#include "codecs/client/cover_profile.hpp"

#include "tests/codecs/client/cover_profiles.hpp"
#include "tests/codecs/client/measured_profile.hpp"

namespace mtp {
namespace {

using test::any_profile;
using test::check_property;
using test::measured;
using test::probe_of;
using test::read_flight;
using test::tls_site;

using enum hello_shape;
using flaw_list = std::vector<cover_flaw>;
using suite_list = bounded_list<std::uint16_t, 3>;

/// Hellos of Telegram's clients, as far as a plan depends on them.
client_hello hello_like(bool grease, bool mlkem, suite_list suites) {
  return {
      .random = {}, .suites = suites, .grease = grease, .x25519 = true, .x25519_mlkem768 = mlkem};
}
const client_hello android = hello_like(true, true, {0x1301, 0x1302, 0x1303});
const client_hello old_android = hello_like(true, false, {0x1301, 0x1302, 0x1303});
/// TDLib on macOS.
const client_hello apple = hello_like(true, true, {0x1302, 0x1301, 0x1303});

observed_flight flight_of(std::uint16_t suite, std::uint16_t group,
                          bounded_list<std::uint16_t, 32> records) {
  return {.kind = flight_kind::tls13,
          .version = 0x0304,
          .suite = suite,
          .group = group,
          .session_id_echoed = true,
          .change_cipher_spec = true,
          .extensions = {0x002b, 0x0033},
          .records = records};
}

/// A site that takes the client's first suite, with ML-KEM.
cover_profile following_site() {
  cover_profile profile{.site = "example.com:443", .measured = 1'800'000'000};
  add_sample(profile, browser, flight_of(0x1301, 0x11ec, {27, 2000, 281, 69}));
  add_sample(profile, x25519_only, flight_of(0x1301, 0x001d, {47, 2000, 281, 69}));
  add_sample(profile, no_grease, flight_of(0x1302, 0x11ec, {27, 3000, 281, 85}));
  return profile;
}

TEST_CASE("plan: one record takes as many bytes on the wire as those of the site") {
  const auto plan = plan_server_flight(following_site(), android, 0);
  CHECK(plan == server_flight_plan{.suite = 0x1301,
                                   .group = 0x11ec,
                                   .key_share_first = false,
                                   .encrypted_size = 27 + 2000 + 281 + 69 + 3 * 5});
}

TEST_CASE("plan: a client is answered as the probe that is most like it") {
  const auto profile = following_site();
  const auto old = plan_server_flight(profile, old_android, 0);
  CHECK(old.group == 0x001d);
  CHECK(old.encrypted_size == 47 + 2000 + 281 + 69 + 3 * 5);
  const auto third_party =
      plan_server_flight(profile, hello_like(false, false, {0x1302, 0x1301}), 0);
  CHECK(third_party.group == 0x001d);  // it does not offer ML-KEM
  CHECK(third_party.encrypted_size == 27 + 3000 + 281 + 85 + 3 * 5);

  cover_profile partial;
  add_sample(partial, browser, {});  // no answer
  add_sample(partial, x25519_only, flight_of(0x1301, 0x001d, {500}));
  const auto plan = plan_server_flight(partial, android, 0);
  CHECK(plan.group == 0x001d);
  CHECK(plan.encrypted_size == 500);
}

TEST_CASE("plan: the suite is the client's first if the site was seen to follow") {
  const auto plan = plan_server_flight(following_site(), apple, 0);
  CHECK(plan.suite == 0x1302);
  // The hash in Finished has 16 bytes more than that of the sample.
  CHECK(plan.encrypted_size == 27 + 2000 + 281 + 69 + 3 * 5 + 16);
}

TEST_CASE("plan: the suite is the site's if it has a preference, and the client has that suite") {
  cover_profile profile;
  add_sample(profile, browser, flight_of(0x1302, 0x11ec, {500}));
  add_sample(profile, no_grease, flight_of(0x1302, 0x11ec, {500}));
  CHECK(plan_server_flight(profile, android, 0).suite == 0x1302);
  CHECK(plan_server_flight(profile, apple, 0).suite == 0x1302);
  const auto plan = plan_server_flight(profile, hello_like(true, true, {0x1303, 0x1301}), 0);
  CHECK(plan.suite == 0x1303);
  CHECK(plan.encrypted_size == 500 - 16);

  cover_profile other;  // always 1301
  add_sample(other, browser, flight_of(0x1301, 0x11ec, {500}));
  add_sample(other, no_grease, flight_of(0x1301, 0x11ec, {500}));
  CHECK(plan_server_flight(other, apple, 0).suite == 0x1301);

  cover_profile unknown;  // it may follow or not: what was seen
  add_sample(unknown, browser, flight_of(0x1301, 0x11ec, {500}));
  CHECK(plan_server_flight(unknown, apple, 0).suite == 0x1301);
}

TEST_CASE("plan: a client without suites of TLS 1.3 gets 1301") {
  CHECK(plan_server_flight(following_site(), hello_like(true, true, {}), 0).suite == 0x1301);
}

TEST_CASE("plan: the order of extensions is the site's") {
  cover_profile profile;
  auto flight = flight_of(0x1301, 0x11ec, {500});
  flight.extensions = {0x0033, 0x002b};
  add_sample(profile, browser, flight);
  CHECK(plan_server_flight(profile, android, 0).key_share_first);
}

TEST_CASE("plan: samples are taken in turn of the random number, the unusable ones left out") {
  cover_profile profile;
  add_sample(profile, browser, {.kind = flight_kind::broken});
  for (const std::uint16_t size : {std::uint16_t{700}, std::uint16_t{701}, std::uint16_t{703}})
    add_sample(profile, browser, flight_of(0x1301, 0x11ec, {size}));
  std::vector<std::size_t> sizes;
  for (std::uint32_t random = 0; random < 4; ++random)
    sizes.push_back(plan_server_flight(profile, android, random).encrypted_size);
  CHECK(sizes == std::vector<std::size_t>{700, 701, 703, 700});
}

TEST_CASE("plan: a longer flight is cut at 10,240 bytes") {
  cover_profile profile;
  add_sample(profile, browser, flight_of(0x1301, 0x11ec, {10'240}));
  CHECK(plan_server_flight(profile, android, 0).encrypted_size == 10'240);
  profile = {};
  add_sample(profile, browser, flight_of(0x1301, 0x11ec, {16'401, 16'401}));
  CHECK(plan_server_flight(profile, android, 0).encrypted_size == 10'240);
}

TEST_CASE("plan: with nothing to imitate, the size is random") {
  const auto plan = plan_server_flight({}, android, 7);
  CHECK(plan == server_flight_plan{.suite = 0x1301, .group = 0x11ec, .encrypted_size = 2507});
}

TEST_CASE("cover profile: newer samples take the place of older ones") {
  cover_profile profile;
  for (std::uint16_t i = 0; i < 20; ++i)
    add_sample(profile, no_grease,
               flight_of(0x1302, 0x11ec, {static_cast<std::uint16_t>(100 + i)}));
  const auto& samples = profile.samples[2];
  CHECK(samples.size() == max_cover_samples);
  CHECK(samples.front().records.front() == 104);
  CHECK(samples.back().records.front() == 119);
}

TEST_CASE("default profile: the client's suite and group, one size per secret") {
  const auto profile = default_cover_profile(as_bytes("a secret"));
  CHECK(can_imitate(profile));
  CHECK(flaws_of(profile).empty());
  const auto plan = plan_server_flight(profile, android, 0);
  CHECK((plan.suite == 0x1301 && plan.group == 0x11ec && !plan.key_share_first));
  CHECK((plan.encrypted_size >= 2500 && plan.encrypted_size < 4500));
  CHECK(plan_server_flight(profile, android, 2).encrypted_size == plan.encrypted_size + 2);
  CHECK(plan_server_flight(profile, android, 3) == plan);
  const auto old = plan_server_flight(profile, old_android, 0);
  CHECK((old.suite == 0x1301 && old.group == 0x001d));
  CHECK(old.encrypted_size == plan.encrypted_size);
  CHECK(plan_server_flight(profile, apple, 0).suite == 0x1302);
  CHECK(plan_server_flight(profile, apple, 0).encrypted_size == plan.encrypted_size + 16);
  CHECK(default_cover_profile(as_bytes("another")) != profile);
}

TEST_CASE("flaws: OpenSSL's sites, good and bad") {
  CHECK(flaws_of(measured({})).empty());
  CHECK(can_imitate(measured({})));
  CHECK(flaws_of(measured({.tls13 = false})) == flaw_list{cover_flaw::older_tls});
  CHECK_FALSE(can_imitate(measured({.tls13 = false})));
  CHECK(flaws_of(measured({.groups = "P-384"})) == flaw_list{cover_flaw::hello_retry_request});
  CHECK(flaws_of(measured({.chain = 100})) == flaw_list{cover_flaw::flight_too_large});
  CHECK(can_imitate(measured({.chain = 100})));
}

TEST_CASE("flaws: no answer, no TLS, a refusal, no ChangeCipherSpec") {
  const auto flaws_with = [](const observed_flight& flight) {
    cover_profile profile;
    add_sample(profile, browser, flight);
    return flaws_of(profile);
  };
  CHECK(flaws_of({}) == flaw_list{cover_flaw::no_answer});
  CHECK(flaws_with({}) == flaw_list{cover_flaw::no_answer});
  CHECK(flaws_with({.kind = flight_kind::broken}) == flaw_list{cover_flaw::not_tls});
  CHECK(flaws_with({.kind = flight_kind::alert}) == flaw_list{cover_flaw::refused});
  auto flight = flight_of(0x1301, 0x11ec, {500});
  flight.change_cipher_spec = false;
  CHECK(flaws_with(flight) == flaw_list{cover_flaw::no_change_cipher_spec});
  flight = flight_of(0x1301, 0x11ec, {500});
  flight.cut = true;
  CHECK(flaws_with(flight) == flaw_list{cover_flaw::flight_too_large});
  flight = flight_of(0x1301, 0x11ec, {});
  CHECK(flaws_with(flight) == flaw_list{cover_flaw::not_tls});
}

TEST_CASE("flaws: a time-out beside an answer is the network's, a shape without answers is not") {
  auto profile = following_site();
  add_sample(profile, browser, {});
  CHECK(flaws_of(profile).empty());
  profile.samples[0] = {observed_flight{}, observed_flight{}};
  CHECK(flaws_of(profile) == flaw_list{cover_flaw::no_answer});
}

TEST_CASE("flaws: every one has a text of its own") {
  for (std::size_t i = 0; i < cover_flaws; ++i) {
    const auto text = explain(static_cast<cover_flaw>(i));
    CHECK(text.size() > 40);
    for (std::size_t j = 0; j < i; ++j)
      CHECK(text != explain(static_cast<cover_flaw>(j)));
  }
}

/// The flight of a real server for this hello is what was planned from earlier ones.
void check_planned(const tls_site& site, const cover_profile& profile, const bytes& record) {
  const auto hello = read_client_hello(record);
  const auto real = read_flight(site.answer(record), hello.session_id);
  REQUIRE(real.kind == flight_kind::tls13);
  const auto plan = plan_server_flight(profile, hello, 0);
  CHECK(plan.suite == real.suite);
  CHECK(plan.group == real.group);
  std::size_t size = (real.records.size() - 1) * 5;
  for (const auto record_size : real.records)
    size += record_size;
  // But for the length of a signature.
  CHECK(std::max(size, plan.encrypted_size) - std::min(size, plan.encrypted_size) <= 4);
}

TEST_CASE("plan: it is what OpenSSL answers, whatever suites it prefers") {
  for (const auto* const suites : {"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
                                   "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"}) {
    for (const bool prefers : {false, true}) {
      const tls_site site{.suites = suites, .prefers = prefers};
      const auto profile = measured(site);
      for (const auto shape : all_hello_shapes)
        check_planned(site, profile, probe_of(shape, "example.org", 77).record);
    }
  }
}

TEST_CASE("plan: it is what OpenSSL answers to a client with another order of suites") {
  auto record = probe_of(browser, "example.com", 77).record;
  REQUIRE(bytes(record.begin() + 80, record.begin() + 84) == bytes{0x13, 0x01, 0x13, 0x02});
  std::swap(record[81], record[83]);
  for (const bool prefers : {false, true}) {
    const tls_site site{.suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
                        .prefers = prefers};
    check_planned(site, measured(site), record);
  }
}

TEST_CASE("plan: whatever the profile and the client, all clients accept the flight") {
  check_property([] {
    const auto profile = *any_profile();
    auto hello = hello_like(*rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(), {});
    for (const auto suite : *rc::gen::container<std::vector<std::uint16_t>>(
             rc::gen::inRange<std::uint16_t>(0x1301, 0x1304)))
      if (!hello.suites.contains(suite)) hello.suites.push_back(suite);
    const auto plan = plan_server_flight(profile, hello, *rc::gen::arbitrary<std::uint32_t>());
    RC_ASSERT(hello.suites.contains(plan.suite) || (hello.suites.empty() && plan.suite == 0x1301));
    RC_ASSERT(plan.group == 0x001d || (plan.group == 0x11ec && hello.x25519_mlkem768));
    RC_ASSERT(plan.encrypted_size >= 1U);
    RC_ASSERT(plan.encrypted_size <= 10'240U);
    // The limits of doc/wire/fake_tls.md, over the bytes.
    hello.session_id = bytes(32, 1);
    const bytes encrypted(plan.encrypted_size);
    const auto flight = make_server_flight(
        hello, {}, plan, {.x25519_key = {}, .mlkem_ciphertext = {}, .encrypted = encrypted});
    const std::size_t hello_record = plan.group == 0x11ec ? 1215 : 127;
    RC_ASSERT(flight.size() == hello_record + 6 + 5 + plan.encrypted_size);
    RC_ASSERT(flight.size() <= 65'536U);
    RC_ASSERT(check_server_flight(flight, hello.random, {}) == flight.size());
    // And a site that sends it would be imitated by it.
    const auto seen = read_flight(flight, hello.session_id);
    RC_ASSERT(plan.encrypted_size < 17 || seen.kind == flight_kind::tls13);
    RC_ASSERT(plan.encrypted_size < 17 || (seen.suite == plan.suite && seen.group == plan.group));
  });
}

}  // namespace
}  // namespace mtp
