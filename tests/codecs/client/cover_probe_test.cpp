#include "codecs/client/cover_probe.hpp"

#include "codecs/base/field_reader.hpp"
#include "codecs/client/ja4.hpp"
#include "codecs/client/tls_client_hello.hpp"
#include "tests/codecs/client/cover_probes.hpp"
#include "tests/support/tls_site.hpp"

namespace mtp {
namespace {

using test::any_x25519_share;
using test::check_property;
using test::found;
using test::noise;
using test::probe_of;
using test::tls_site;

/// The body of a hello's extension; empty if it has none of that type.
bytes extension_of(byte_view record, std::uint16_t wanted) {
  field_reader in{record};
  in.take(5 + 4 + 2 + client_random_size);  // headers, version, random
  in.be_vector(1);                          // session id
  in.be_vector(2);                          // suites
  in.be_vector(1);                          // compression
  field_reader list{in.be_vector(2)};
  REQUIRE(in.complete());
  while (!list.at_end()) {
    const auto type = list.be(2);
    const auto body = list.be_vector(2);
    if (type == wanted) return to_bytes(body);
  }
  REQUIRE(list.ok());
  return {};
}

/// Groups and sizes of the key shares, GREASE aside.
std::vector<std::pair<std::size_t, std::size_t>> shares_of(byte_view record) {
  const auto body = extension_of(record, 0x0033);
  field_reader in{body};
  field_reader list{in.be_vector(2)};
  std::vector<std::pair<std::size_t, std::size_t>> shares;
  while (!list.at_end()) {
    const auto group = list.be(2);
    const auto key = list.be_vector(2);
    if (!is_grease(group)) shares.emplace_back(group, key.size());
  }
  REQUIRE((in.complete() && list.ok()));
  return shares;
}

using share_list = std::vector<std::pair<std::size_t, std::size_t>>;

TEST_CASE("cover probe: a browser's hello has the fingerprint of Chrome 133 to 149") {
  const auto probe = probe_of(hello_shape::browser);
  CHECK(probe.record.size() == 1753);
  CHECK(ja4_fingerprint(probe.record) == "t13d1516h2_8daaf6152771_d8a2da3f94cd");
  CHECK(shares_of(probe.record) == share_list{{0x11ec, 1216}, {0x001d, 32}});
  const auto hello = parse_client_hello(probe.record);
  REQUIRE(hello);
  CHECK(hello->grease);
  CHECK(hello->sni == "example.com");
  CHECK((hello->x25519 && hello->x25519_mlkem768));
  CHECK(hello->suites.front() == first_suite(hello_shape::browser));
}

TEST_CASE("cover probe: without ML-KEM it is the same program") {
  const auto probe = probe_of(hello_shape::x25519_only);
  CHECK(probe.record.size() == 1753 - 1216 - 4 - 2);
  CHECK(ja4_fingerprint(probe.record) == "t13d1516h2_8daaf6152771_d8a2da3f94cd");
  CHECK(shares_of(probe.record) == share_list{{0x001d, 32}});
  const auto hello = parse_client_hello(probe.record);
  REQUIRE(hello);
  CHECK((hello->grease && hello->x25519));
  CHECK_FALSE(hello->x25519_mlkem768);
}

TEST_CASE("cover probe: without GREASE it prefers another suite") {
  const auto probe = probe_of(hello_shape::no_grease);
  // 30 suites and 12 extensions: those of curl.
  CHECK(ja4_fingerprint(probe.record)->substr(0, 10) == "t13d3012h2");
  CHECK(shares_of(probe.record) == share_list{{0x11ec, 1216}, {0x001d, 32}});
  const auto hello = parse_client_hello(probe.record);
  REQUIRE(hello);
  CHECK_FALSE(hello->grease);
  CHECK(hello->suites == bounded_list<std::uint16_t, 3>{0x1302, 0x1303, 0x1301});
  CHECK(hello->suites.front() == first_suite(hello_shape::no_grease));
}

TEST_CASE("cover probe: keys and session id stand where they belong") {
  const auto random = noise(cover_probe_random_size, 7);
  const cover_probe_keys keys{
      .hybrid = any_x25519_share(1), .plain = any_x25519_share(20), .ech = any_x25519_share(40)};
  const auto probe =
      make_cover_probe(hello_shape::browser, "example.com", keys,
                       std::span<const std::uint8_t, cover_probe_random_size>{random});
  CHECK(std::ranges::equal(byte_view{probe.record}.subspan(44, 32), probe.session_id));
  const auto share = extension_of(probe.record, 0x0033);
  const auto mlkem = make_mlkem768_key(
      std::span<const std::uint8_t, cover_probe_random_size>{random}.last<mlkem768_random_size>());
  // A list, one of GREASE (5 bytes), 11ec, its size, ML-KEM and x25519, 001d, its size, x25519.
  const byte_view at{share};
  CHECK(load_be16(at.subspan(7)) == 0x11ec);
  CHECK(std::ranges::equal(at.subspan(11, 1184), mlkem));
  CHECK(std::ranges::equal(at.subspan(1195, 32), keys.hybrid));
  CHECK(std::ranges::equal(at.subspan(1231, 32), keys.plain));
  // Outer, HKDF-SHA256, AES-128-GCM, an id, a key, a payload.
  const auto ech = extension_of(probe.record, 0xfe0d);
  CHECK(bytes(ech.begin(), ech.begin() + 5) == bytes{0, 0, 1, 0, 1});
  CHECK(std::ranges::equal(byte_view{ech}.subspan(8, 32), keys.ech));
}

TEST_CASE("cover probe: a site without a name is asked without one") {
  for (const auto shape : all_hello_shapes) {
    const auto probe = probe_of(shape, "");
    const auto hello = parse_client_hello(probe.record);
    REQUIRE(hello);
    CHECK(hello->sni.empty());
    CHECK(ja4_fingerprint(probe.record)->substr(0, 4) == "t13i");
  }
}

TEST_CASE("cover probe: OpenSSL answers all shapes with TLS 1.3") {
  for (const auto shape : all_hello_shapes) {
    const auto answer = tls_site{}.answer(probe_of(shape).record);
    // ServerHello with x25519, as OpenSSL 3.0 has no ML-KEM; later ones take it.
    REQUIRE(answer.size() > 133);
    CHECK(bytes(answer.begin(), answer.begin() + 3) == bytes{0x16, 0x03, 0x03});
    CHECK((load_be16(byte_view{answer}.subspan(3)) == 122 ||
           load_be16(byte_view{answer}.subspan(3)) == 1210));
    CHECK(load_be16(byte_view{answer}.subspan(76)) == first_suite(shape));
  }
}

TEST_CASE("cover probe: any name and randomness give a hello that is read whole") {
  check_property([] {
    const auto shape = *rc::gen::elementOf(all_hello_shapes);
    const std::string sni(*rc::gen::inRange<std::size_t>(0, 254), 'a');
    const auto probe = probe_of(shape, sni, *rc::gen::inRange<std::uint64_t>(1, 1'000'000));
    const auto assembled = client_hello_assembler{}.next(probe.record);
    RC_ASSERT(found(assembled));
    RC_ASSERT((*assembled)->record == probe.record);
    const auto hello = parse_client_hello(probe.record);
    RC_ASSERT(hello.has_value());
    RC_ASSERT(hello->sni == sni);
    RC_ASSERT(std::ranges::equal(hello->session_id, probe.session_id));
    RC_ASSERT(hello->x25519);
  });
}

}  // namespace
}  // namespace mtp
