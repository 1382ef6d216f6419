// What each of Telegram's clients sends is taken, and what it gets is what it accepts.
#include "tests/codecs/client/official_hellos.hpp"

#include <numeric>

#include "codecs/client/client_handshake.hpp"
#include "codecs/client/ja4.hpp"
#include "tests/codecs/client/client_hellos.hpp"
#include "tests/codecs/client/measured_profile.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_x25519_share;
using test::hello_secret;
using test::join;
using test::measured;
using test::name_asked_by;
using test::noise;
using test::official_client;
using test::official_client_names;
using test::official_hello;
using test::read_flight;
using test::tls_site;

constexpr std::uint32_t now = 1'800'000'000;
/// TDLib's limit is the lowest.
const std::string longest_name =
    std::string(60, 'a') + '.' + std::string(60, 'b') + '.' + std::string(56, 'c') + ".com";

/// A client's hello, and all that chance may make of it.
struct sent_hello {
  official_client client;
  std::string domain;
  std::uint64_t seed;

  [[nodiscard]] bytes record() const {
    return official_hello(client, domain, hello_secret, now, seed);
  }
};

/// Calls `check` with every client, choice and length of a name.
template <class Check>
void for_all_hellos(Check&& check) {
  for (std::size_t i = 0; i < official_client_names.size(); ++i)
    for (const auto& domain : {std::string{"example.com"}, longest_name})
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        CAPTURE(official_client_names[i]);
        CAPTURE(domain);
        CAPTURE(seed);
        check(sent_hello{static_cast<official_client>(i), domain, seed});
      }
}

// -- the hello ------------------------------------------------------------------------------------

/// Length of the hello for a name of `name` bytes.
std::size_t size_of(const sent_hello& sent) {
  const auto name = sent.domain.size();
  const auto ech = 144 + sent.seed % 4 * 32;
  switch (sent.client) {
    case official_client::tdlib:
      return 1566 + name + ech;
    case official_client::tdlib_apple:
      return 1506 + name + (sent.seed % 2 == 0 ? 0 : 14) + (sent.seed % 4 < 2 ? 0 : 3);
    case official_client::android:
      return 1572 + name + ech;
    case official_client::ios_fork:
      return 1539 + name;
    case official_client::android_old:
    case official_client::ios_old:
    case official_client::ios_nameless:
      break;
  }
  return 517;
}

TEST_CASE("official hellos: they have the length that is known of them") {
  for_all_hellos([](const sent_hello& sent) { CHECK(sent.record().size() == size_of(sent)); });
}

/// Computed apart, with Python's hashlib. Some are known as those of browsers: TDLib's is Chrome's,
/// the old one that of the description of JA4, Apple's last is Safari's.
std::string_view ja4_of(const sent_hello& sent) {
  constexpr std::array<std::string_view, 4> apple{
      "t13d1313h1_f57a46bbacb6_7f0f34a4126d", "t13d2013h1_a09f3c656075_7f0f34a4126d",
      "t13d1313h2_f57a46bbacb6_7f0f34a4126d", "t13d2013h2_a09f3c656075_7f0f34a4126d"};
  switch (sent.client) {
    case official_client::tdlib:
    case official_client::ios_fork:
      return "t13d1516h2_8daaf6152771_d8a2da3f94cd";
    case official_client::tdlib_apple:
      return apple[sent.seed % 4];
    case official_client::android:
      return "t13d1516h2_8daaf6152771_806a8c22fdea";
    case official_client::android_old:
      return "t13d1516h2_8daaf6152771_e5627efa2ab1";
    case official_client::ios_nameless:
      return "t13i2613h2_2802a3db6c62_c5b8c5b1cdcb";
    case official_client::ios_old:
      break;
  }
  return "t13d2614h2_2802a3db6c62_c5b8c5b1cdcb";
}

TEST_CASE("official hellos: their fingerprints") {
  for_all_hellos(
      [](const sent_hello& sent) { CHECK(ja4_fingerprint(sent.record()) == ja4_of(sent)); });
}

TEST_CASE("official hellos: a longer name is cut by TDLib only") {
  const std::string domain(253, 'a');
  const auto asked = [&](official_client client) {
    return read_client_hello(official_hello(client, domain, hello_secret, now, 0)).sni.size();
  };
  CHECK(asked(official_client::tdlib) == 182);
  CHECK(asked(official_client::tdlib_apple) == 182);
  CHECK(asked(official_client::android) == 253);
}

TEST_CASE("official hellos: they keep the rules of TLS, and offer what is known of them") {
  for_all_hellos([](const sent_hello& sent) {
    const auto hello = parse_client_hello(sent.record());
    REQUIRE(hello);
    using suites = bounded_list<std::uint16_t, 3>;
    const bool old_ios =
        sent.client == official_client::ios_old || sent.client == official_client::ios_nameless;
    const bool old = old_ios || sent.client == official_client::android_old;
    auto offered = old_ios ? suites{0x1303, 0x1301, 0x1302} : suites{0x1301, 0x1302, 0x1303};
    if (sent.client == official_client::tdlib_apple)
      offered =
          sent.seed % 2 == 0 ? suites{0x1302, 0x1301, 0x1303} : suites{0x1302, 0x1303, 0x1301};
    CHECK(hello->suites == offered);
    CHECK(hello->grease == !old_ios);
    CHECK(hello->session_id.size() == 32);
    CHECK(hello->sni == name_asked_by(sent.client, sent.domain));
    CHECK(hello->x25519);
    CHECK(hello->x25519_mlkem768 == !old);
  });
}

// -- taken, and by nobody else --------------------------------------------------------------------

using hello_received = client_handshake::hello_received;
using incomplete = client_handshake::incomplete;

client_handshake handshake_with(const secret16& secret) {
  return client_handshake{{.secret = secret, .per_sni_salt = std::nullopt}};
}

/// The pieces make one hello, with the last of them.
void check_taken(const sent_hello& sent, const std::vector<byte_view>& pieces) {
  auto handshake = handshake_with(hello_secret);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto got = handshake.feed(pieces[i]);
    REQUIRE(got);
    if (i + 1 < pieces.size()) {
      REQUIRE(std::holds_alternative<incomplete>(*got));
      continue;
    }
    REQUIRE(std::holds_alternative<hello_received>(*got));
    const auto& received = std::get<hello_received>(*got);
    CHECK(received.client_time == now);
    CHECK(received.hello->sni == name_asked_by(sent.client, sent.domain));
  }
}

TEST_CASE("official hellos: with the right secret they are taken") {
  for_all_hellos([](const sent_hello& sent) {
    const auto record = sent.record();
    check_taken(sent, {record});
  });
}

TEST_CASE("official hellos: with another secret, or with one bit changed, they are not") {
  for_all_hellos([](const sent_hello& sent) {
    auto other = hello_secret;
    other[15] ^= 1;
    const auto refused = handshake_with(other).feed(sent.record());
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == errc::tls_invalid_digest);
    auto changed = sent.record();
    changed.back() ^= 1;
    const auto also_refused = handshake_with(hello_secret).feed(changed);
    REQUIRE_FALSE(also_refused);
    CHECK(also_refused.error() == errc::tls_invalid_digest);
  });
}

TEST_CASE("official hellos: in any two pieces, and byte by byte") {
  for_all_hellos([](const sent_hello& sent) {
    // Where it is cut depends neither on the order of extensions nor on the name.
    if (sent.seed != 0 || sent.domain == longest_name) return;
    const auto record = sent.record();
    const byte_view whole{record};
    for (std::size_t cut = 1; cut < record.size(); ++cut)
      check_taken(sent, {whole.first(cut), whole.subspan(cut)});
    std::vector<byte_view> single;
    for (std::size_t at = 0; at < record.size(); ++at)
      single.push_back(whole.subspan(at, 1));
    check_taken(sent, single);
  });
}

// -- the flight, as each client looks at it -------------------------------------------------------

/// ServerHello, to the end of its record; 0 if the bytes can't be one or there are too few.
std::size_t server_hello_end(byte_view in) {
  if (in.size() < 5 || !std::ranges::equal(in.first(3), bytes{0x16, 3, 3})) return 0;
  return 5 + load_be16(in.subspan(3));
}

bool has_middle(byte_view in, std::size_t at) {
  return in.size() >= at + 11 &&
         std::ranges::equal(in.subspan(at, 9), bytes{0x14, 3, 3, 0, 1, 1, 0x17, 3, 3});
}

bool has_digest(byte_view flight, byte_view client_random) {
  auto zeroed = to_bytes(flight);
  std::fill_n(zeroed.begin() + 11, 32, std::uint8_t{0});
  return std::ranges::equal(hmac_sha256(hello_secret, {client_random, zeroed}),
                            flight.subspan(11, 32));
}

/// The end of the flight as all clients find it: behind one ServerHello, one ChangeCipherSpec and
/// one record of data.
std::size_t flight_end(byte_view in) {
  const auto hello = server_hello_end(in);
  if (hello == 0 || !has_middle(in, hello)) return 0;
  const auto end = hello + 11 + load_be16(in.subspan(hello + 9));
  return end <= in.size() ? end : 0;
}

/// The flight, and what comes behind it in the same read.
struct received_flight {
  byte_view bytes;
  byte_view client_random;
};

/// TDLib takes the flight off, and everything behind it must be records of data.
bool tdlib_accepts(const received_flight& got) {
  const auto end = flight_end(got.bytes);
  if (end < 11 + 32 || !has_digest(got.bytes.first(end), got.client_random)) return false;
  for (auto rest = got.bytes.subspan(end); !rest.empty();) {
    if (rest.size() < 5 || !std::ranges::equal(rest.first(3), bytes{0x17, 3, 3})) return false;
    const auto size = std::size_t{5} + load_be16(rest.subspan(3));
    if (rest.size() < size) return true;  // waits for more
    rest = rest.subspan(size);
  }
  return true;
}

/// tdesktop looks at the same, and has a limit for all of it.
bool desktop_accepts(const received_flight& got) {
  return flight_end(got.bytes) <= 65'536 && tdlib_accepts(got);
}

/// iOS: sizes are signed, at most 10 KiB each.
bool ios_accepts(const received_flight& got) {
  constexpr std::size_t most = 10 * std::size_t{1024};
  const auto end = flight_end(got.bytes);
  if (end < 11 + 32) return false;
  const auto hello = server_hello_end(got.bytes);
  return hello - 5 <= most && end - hello - 11 <= most &&
         has_digest(got.bytes.first(end), got.client_random);
}

/// Android: the digest is that of all that has come when the last record is whole. After each read
/// that has the end of ServerHello in it, the 11 bytes behind that must be there, too. `first`:
/// bytes of the first read.
bool android_accepts(const received_flight& got, std::size_t first) {
  const auto hello = server_hello_end(got.bytes);
  if (hello == 0 || got.bytes.size() > 65'536) return false;
  if (first >= hello && !has_middle(got.bytes.first(first), hello)) return false;
  return flight_end(got.bytes) != 0 && has_digest(got.bytes, got.client_random);
}

/// A segment of Ethernet, with TCP's time stamps.
constexpr std::size_t first_segment = 1448;

bool is_accepted_by(official_client client, const received_flight& got) {
  switch (client) {
    case official_client::tdlib:
    case official_client::tdlib_apple:
      return tdlib_accepts(got);
    case official_client::android:
    case official_client::android_old:
      return desktop_accepts(got) && android_accepts(got, got.bytes.size()) &&
             android_accepts(got, std::min(first_segment, got.bytes.size()));
    case official_client::ios_old:
    case official_client::ios_nameless:
    case official_client::ios_fork:
      break;
  }
  return ios_accepts(got);
}

/// What is sent for this hello by a proxy that has this profile.
bytes flight_for(const cover_profile& profile, const client_hello& hello, std::uint32_t random) {
  const auto plan = plan_server_flight(profile, hello, random);
  CHECK(hello.suites.contains(plan.suite));
  CHECK((plan.group == group_x25519 || hello.x25519_mlkem768));
  server_flight_random filled{
      .x25519_key = any_x25519_share(random), .mlkem_ciphertext = {}, .encrypted = {}};
  std::ranges::copy(noise(filled.mlkem_ciphertext.size(), random), filled.mlkem_ciphertext.begin());
  const auto encrypted = noise(plan.encrypted_size, random + 1);
  filled.encrypted = encrypted;
  return make_server_flight(hello, hello_secret, plan, filled);
}

/// Of sites that choose differently, and that send more than a client takes.
const std::vector<cover_profile>& all_profiles() {
  static const std::vector<cover_profile> all{
      default_cover_profile(as_bytes("a secret")),
      measured({}),
      measured({.suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", .prefers = true}),
      measured({.suites = "TLS_CHACHA20_POLY1305_SHA256", .prefers = true}),
      measured({.groups = "X25519"}),
      measured({.chain = 100}),
      measured({.tls13 = false}),
  };
  return all;
}

TEST_CASE("official hellos: each client accepts what it gets, whatever the site") {
  for_all_hellos([](const sent_hello& sent) {
    const auto hello = read_client_hello(sent.record());
    for (const auto& profile : all_profiles())
      for (std::uint32_t random = 0; random < 3; ++random) {
        const auto flight = flight_for(profile, hello, random);
        CHECK(check_server_flight(flight, hello.random, hello_secret) == flight.size());
        CHECK(is_accepted_by(sent.client, {flight, hello.random}));
      }
  });
}

TEST_CASE("official hellos: the rules refuse what clients refuse") {
  const auto hello =
      read_client_hello(sent_hello{official_client::android, "example.com", 0}.record());
  const auto flight_with = [&](const server_flight_plan& plan) {
    const auto encrypted = noise(plan.encrypted_size, 1);
    return make_server_flight(hello, hello_secret, plan,
                              {.x25519_key = {}, .mlkem_ciphertext = {}, .encrypted = encrypted});
  };
  const auto accepted = [&](official_client client, const bytes& flight) {
    return is_accepted_by(client, {flight, hello.random});
  };
  using enum official_client;
  const auto fitting = flight_with({.encrypted_size = 10'240});
  for (const auto client : {tdlib, android, ios_old}) {
    CHECK(accepted(client, fitting));
    auto other = fitting;
    other[20] ^= 1;
    CHECK_FALSE(accepted(client, other));
    CHECK_FALSE(accepted(client, to_bytes(byte_view{fitting}.first(fitting.size() - 1))));
  }
  const auto larger = flight_with({.encrypted_size = 10'241});
  CHECK(accepted(tdlib, larger));
  CHECK_FALSE(accepted(ios_old, larger));
  // A ticket behind it: payload for most, and a wrong digest for Android.
  const auto with_ticket = join({fitting, bytes{0x17, 3, 3, 0, 1, 0xaa}});
  CHECK(accepted(tdlib, with_ticket));
  CHECK_FALSE(accepted(android, with_ticket));
  CHECK_FALSE(accepted(tdlib, join({fitting, bytes{0x15, 3, 3, 0, 2, 1, 0}})));
  // ServerHello alone in the first segment.
  CHECK_FALSE(android_accepts({fitting, hello.random}, 127));
  CHECK_FALSE(android_accepts({fitting, hello.random}, 127 + 10));
  CHECK(android_accepts({fitting, hello.random}, 127 + 11));
}

// -- as a real server sees them -------------------------------------------------------------------

TEST_CASE("official hellos: OpenSSL answers them all, as it was planned") {
  for (const auto* const suites :
       {"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"})
    for (const bool prefers : {false, true}) {
      const tls_site site{.suites = suites, .prefers = prefers};
      const auto profile = measured(site);
      for_all_hellos([&](const sent_hello& sent) {
        const auto record = sent.record();
        const auto hello = read_client_hello(record);
        const auto real = read_flight(site.answer(record), hello.session_id);
        REQUIRE(real.kind == flight_kind::tls13);
        const auto plan = plan_server_flight(profile, hello, 0);
        CHECK(plan.suite == real.suite);
        CHECK(plan.group == real.group);
        const auto size = std::accumulate(real.records.begin(), real.records.end(),
                                          (real.records.size() - 1) * 5);
        // But for the length of a signature.
        CHECK(std::max(size, plan.encrypted_size) - std::min(size, plan.encrypted_size) <= 4);
      });
    }
}

}  // namespace
}  // namespace mtp
