#include <set>

#include "codecs/base/field_reader.hpp"
#include "tests/codecs/client/client_hellos.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::check_property;
using test::found;
using test::hello_secret;
using test::noise;

bytes hello_for(std::string_view sni, std::uint64_t seed = 1, std::uint32_t time = 1'800'000'000) {
  const auto random = noise(client_hello_random_size, seed);
  return make_client_hello(hello_secret, sni, time,
                           std::span<const std::uint8_t, client_hello_random_size>{random});
}

/// Types and bodies of a hello's extensions, in order.
std::vector<std::pair<std::uint16_t, byte_view>> extensions_of(byte_view record) {
  field_reader in{record};
  in.take(5 + 4 + 2 + client_random_size);  // headers, version, random
  in.be_vector(1);                          // session id
  in.be_vector(2);                          // suites
  in.be_vector(1);                          // compression
  field_reader list{in.be_vector(2)};
  std::vector<std::pair<std::uint16_t, byte_view>> extensions;
  while (!list.at_end()) {
    const auto type = static_cast<std::uint16_t>(list.be(2));
    extensions.emplace_back(type, list.be_vector(2));
  }
  REQUIRE(in.complete());
  REQUIRE(list.ok());
  return extensions;
}

TEST_CASE("make_client_hello: parses back") {
  const auto record = hello_for("example.com");
  // As long as TDLib's with the same name and an ECH of the same size: 1566 + 11 + 176.
  CHECK(record.size() == 1753);
  CHECK(looks_like_client_hello(record));
  const auto assembled = client_hello_assembler{}.next(record);
  REQUIRE(found(assembled));
  CHECK((*assembled)->record == record);
  const auto hello = parse_client_hello(record);
  REQUIRE(hello);
  CHECK(hello->sni == "example.com");
  CHECK(hello->suites == bounded_list<std::uint16_t, 3>{0x1301, 0x1302, 0x1303});
  CHECK(hello->grease);
  CHECK(hello->session_id.size() == 32);
  CHECK(hello->x25519);
  CHECK(hello->x25519_mlkem768);
}

TEST_CASE("make_client_hello: has the extensions of today's clients between two of GREASE") {
  const auto record = hello_for("example.com");
  const auto list = extensions_of(record);
  REQUIRE(list.size() == 18);
  CHECK(is_grease(list.front().first));
  CHECK(is_grease(list.back().first));
  CHECK(list.front().first != list.back().first);
  std::set<std::uint16_t> types;
  for (std::size_t i = 1; i + 1 < list.size(); ++i)
    types.insert(list[i].first);
  CHECK(types == std::set<std::uint16_t>{0x0000, 0x0005, 0x000a, 0x000b, 0x000d, 0x0010, 0x0012,
                                         0x0017, 0x001b, 0x0023, 0x002b, 0x002d, 0x0033, 0x44cd,
                                         0xfe0d, 0xff01});
}

TEST_CASE("make_client_hello: random bytes end up in keys and identifiers") {
  const auto hello = hello_for("example.com", 1);
  const auto other = hello_for("example.com", 2);
  const auto a = parse_client_hello(hello);
  const auto b = parse_client_hello(other);
  REQUIRE((a && b));
  CHECK(a->random != b->random);
  CHECK(a->session_id != b->session_id);
  const auto shares = [](byte_view record) {
    for (const auto& [type, body] : extensions_of(record))
      if (type == 0x0033) return to_bytes(body);
    return bytes{};
  };
  CHECK(shares(hello) != shares(other));
  CHECK(hello_for("example.com", 1) == hello);
}

TEST_CASE("make_client_hello: any name, secret and clock come out on the other side") {
  check_property([] {
    const auto secret = *rc::gen::arbitrary<secret16>();
    const auto time = *rc::gen::arbitrary<std::uint32_t>();
    const std::string sni(*rc::gen::inRange<std::size_t>(1, 254), 'a');
    const auto random = noise(client_hello_random_size, *rc::gen::arbitrary<std::uint64_t>());
    const auto record = make_client_hello(
        secret, sni, time, std::span<const std::uint8_t, client_hello_random_size>{random});
    RC_ASSERT(record.size() == 1742 + sni.size());
    const auto hello = parse_client_hello(record);
    RC_ASSERT(hello.has_value());
    RC_ASSERT(hello->sni == sni);
    RC_ASSERT(check_client_digest(record, secret) == time);
    auto other = secret;
    other[*rc::gen::inRange<std::size_t>(0, other.size())] ^= 1;
    RC_ASSERT(!check_client_digest(record, other).has_value());
  });
}

}  // namespace
}  // namespace mtp
