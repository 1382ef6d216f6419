#include "codecs/client/tls_client_hello.hpp"

#include <algorithm>

#include "tests/codecs/client/client_hellos.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::check_property;
using test::extension;
using test::hello_parts;
using test::hello_secret;
using test::join;
using test::old_client_hello;
using test::old_hello_time;
using test::server_name;
using test::start_of;
using suite_list = bounded_list<std::uint16_t, 3>;

client_hello parsed(const hello_parts& parts) {
  const auto got = parse_client_hello(parts.record());
  REQUIRE(got);
  return *got;
}

void check_bad(byte_view record) {
  const auto got = parse_client_hello(record);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::tls_bad_client_hello);
}

void check_bad_extensions(const bytes& extensions) {
  check_bad(hello_parts{.extensions = extensions}.record());
}

/// The body of key_share: one share for `group`, of `size` bytes.
bytes one_share(std::uint16_t group, std::size_t size) {
  bytes encoded;
  append_be16(encoded, size + 4);
  append_be16(encoded, group);
  append_be16(encoded, size);
  encoded.resize(encoded.size() + size, 0x99);
  return encoded;
}

TEST_CASE("client hello: one of 517 bytes, as clients before 2026 sent it") {
  const auto record = old_client_hello();
  REQUIRE(record.size() == 517);
  const auto hello = parse_client_hello(record);
  REQUIRE(hello);
  CHECK(to_bytes(hello->random) == bytes(record.begin() + 11, record.begin() + 43));
  CHECK(hello->session_id == bytes(record.begin() + 44, record.begin() + 76));
  CHECK(hello->suites == suite_list{0x1301, 0x1302, 0x1303});
  CHECK(hello->grease);
  CHECK(hello->sni == "example.com");
  CHECK(hello->x25519);
  CHECK_FALSE(hello->x25519_mlkem768);

  const auto time = check_client_digest(record, hello_secret);
  REQUIRE(time);
  CHECK(*time == old_hello_time);
}

TEST_CASE("client hello: signing one gives the random that clients compute") {
  auto record = old_client_hello();
  std::fill_n(record.begin() + client_random_at, client_random_size, std::uint8_t{0xff});
  sign_client_hello(record, hello_secret, old_hello_time);
  CHECK(record == old_client_hello());
}

TEST_CASE("client hello: the digest holds for one secret only") {
  auto secret = hello_secret;
  secret[0] ^= 1;
  const auto got = check_client_digest(old_client_hello(), secret);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::tls_invalid_digest);
}

TEST_CASE("client hello: the digest covers every byte but the clock's") {
  for (std::size_t at = 0; at < old_client_hello().size(); ++at) {
    auto record = old_client_hello();
    record[at] ^= 0x10;
    const auto got = check_client_digest(record, hello_secret);
    const bool clock = at >= client_random_at + 28 && at < client_random_at + 32;
    CHECK(got.has_value() == clock);
    if (got) CHECK(*got == (old_hello_time ^ 0x10U << 8 * (at - client_random_at - 28)));
  }
}

TEST_CASE("client hello: the suites are those of TLS 1.3, in the client's order, each once") {
  const auto suites = [](const bytes& list) { return parsed({.suites = list}).suites; };
  CHECK(suites({0x1a, 0x1a, 0xc0, 0x2f, 0x13, 0x03, 0x13, 0x01}) == suite_list{0x1303, 0x1301});
  CHECK(suites({0x13, 0x02}) == suite_list{0x1302});
  CHECK(suites({0x13, 0x02, 0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0x13, 0x01}) ==
        suite_list{0x1302, 0x1301, 0x1303});
  CHECK(suites({0xc0, 0x2f, 0x13, 0x00, 0x13, 0x04}).empty());
  CHECK(suites({}).empty());
  CHECK(suites({0x01, 0x13, 0x01, 0x01}).empty());  // 1301 across two suites
}

TEST_CASE("client hello: GREASE is what its first suite says") {
  CHECK(parsed({.suites = {0x0a, 0x0a, 0x13, 0x01}}).grease);
  CHECK(parsed({.suites = {0xfa, 0xfa}}).grease);
  CHECK_FALSE(parsed({.suites = {0x0a, 0x1a, 0x13, 0x01}}).grease);
  CHECK_FALSE(parsed({.suites = {0x13, 0x01, 0x0a, 0x0a}}).grease);
  CHECK_FALSE(parsed({.suites = {}}).grease);
}

TEST_CASE("client hello: the session id has up to 32 bytes") {
  CHECK(parsed({.session_id = {}}).session_id.empty());
  CHECK(parsed({.session_id = bytes(32, 7)}).session_id == bytes(32, 7));
  check_bad(hello_parts{.session_id = bytes(33, 7)}.record());
}

TEST_CASE("client hello: half a suite and no compression method are refused") {
  check_bad(hello_parts{.suites = {0x13, 0x01, 0x13}}.record());
  check_bad(hello_parts{.compression = {}}.record());
}

TEST_CASE("client hello: without a server name it is read, and the name is empty") {
  CHECK(parsed({}).sni.empty());
  CHECK(parsed({.extensions = extension(0x0017, {})}).sni.empty());
}

TEST_CASE("client hello: one server name, of type host name, with bytes in it") {
  CHECK(parsed({.extensions = extension(0, server_name("a"))}).sni == "a");
  check_bad_extensions(join({extension(0, server_name("a")), extension(0, server_name("a"))}));
  check_bad_extensions(extension(0, {}));
  check_bad_extensions(extension(0, server_name("")));
  check_bad_extensions(extension(0, bytes{0x00, 0x04,          // a list of 4 bytes
                                          0x01,                // not a host name
                                          0x00, 0x01, 'a'}));  // "a"
  check_bad_extensions(extension(0, bytes{0x00, 0x08,          // a list of 8 bytes
                                          0x00,                // host name
                                          0x00, 0x01, 'a',     // "a"
                                          0x00,                // and another host name
                                          0x00, 0x01, 'b'}));  // "b"
  check_bad_extensions(extension(0, bytes{0x00, 0x05,          // a list of 5 bytes: one missing
                                          0x00,                //
                                          0x00, 0x01, 'a'}));
  check_bad_extensions(extension(0, bytes{0x00, 0x04,  // a list of 4 bytes
                                          0x00,        //
                                          0x00, 0x02,  // a name of 2: one missing
                                          'a'}));
  check_bad_extensions(extension(0, bytes{0x00, 0x04,       // a list of 4 bytes
                                          0x00,             //
                                          0x00, 0x01, 'a',  // "a"
                                          0x00}));          // behind the list
}

TEST_CASE("client hello: key shares count if their size fits their group") {
  const auto with_share = [](std::uint16_t group, std::size_t size) {
    return parsed({.extensions = extension(0x0033, one_share(group, size))});
  };
  CHECK(with_share(0x001d, 32).x25519);
  CHECK_FALSE(with_share(0x001d, 32).x25519_mlkem768);
  CHECK(with_share(0x11ec, 1184 + 32).x25519_mlkem768);
  CHECK_FALSE(with_share(0x11ec, 1184 + 32).x25519);
  CHECK_FALSE(with_share(0x001d, 31).x25519);
  CHECK_FALSE(with_share(0x001d, 33).x25519);
  CHECK_FALSE(with_share(0x11ec, 1184).x25519_mlkem768);
  CHECK_FALSE(with_share(0x0017, 32).x25519);
  CHECK_FALSE(parsed({.extensions = extension(0x0033, bytes{0, 0})}).x25519);
}

TEST_CASE("client hello: a key share counts in any place of the list") {
  const auto shares = [](const std::vector<std::pair<std::uint16_t, std::size_t>>& groups) {
    bytes list;
    for (const auto& [group, size] : groups) {
      const auto share = one_share(group, size);
      append(list, byte_view{share}.subspan(2));
    }
    bytes body;
    append_be16(body, list.size());
    append(body, list);
    return parsed({.extensions = extension(0x0033, body)});
  };
  for (const auto& hello : {shares({{0x11ec, 1216}, {0x001d, 32}, {0x2a2a, 1}}),
                            shares({{0x2a2a, 1}, {0x001d, 32}, {0x11ec, 1216}})}) {
    CHECK(hello.x25519);
    CHECK(hello.x25519_mlkem768);
  }
}

TEST_CASE("client hello: key shares whose lengths do not add up are refused") {
  check_bad_extensions(extension(0x0033, {}));
  check_bad_extensions(extension(0x0033, bytes{0x00, 0x01}));  // a byte missing
  auto share = one_share(0x001d, 32);
  share[5] = 33;  // the share is one byte longer than the list
  check_bad_extensions(extension(0x0033, share));
  share[5] = 32;
  share.push_back(0);  // behind the list
  check_bad_extensions(extension(0x0033, share));
}

TEST_CASE("client hello: extensions whose lengths do not add up are refused") {
  check_bad_extensions({0x00});                          // half a type
  check_bad_extensions({0x00, 0x17, 0x00});              // half a length
  check_bad_extensions({0x00, 0x17, 0x00, 0x01});        // a byte missing
  check_bad_extensions({0x00, 0x17, 0x00, 0x00, 0x00});  // half a type behind a good one
}

TEST_CASE("client hello: bytes behind extensions of length 0 are refused") {
  auto record = hello_parts{}.record();
  REQUIRE(parse_client_hello(record));
  record.push_back(0);
  record[4] += 1;  // record length
  record[8] += 1;  // message length
  check_bad(record);
}

TEST_CASE("client hello: cut anywhere it is refused") {
  const auto record = old_client_hello();
  for (std::size_t size = 0; size < record.size(); ++size)
    check_bad(start_of(record, size));
}

TEST_CASE("client hello: unknown extensions in any place change nothing") {
  check_property([] {
    const auto any_extension = rc::gen::exec([] {
      const auto type = *rc::gen::suchThat(rc::gen::arbitrary<std::uint16_t>(),
                                           [](auto t) { return t != 0 && t != 0x0033; });
      return extension(type, *any_bytes());
    });
    std::vector<bytes> list = *rc::gen::container<std::vector<bytes>>(any_extension);
    const auto place = [&] {
      return list.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(list) + 1);
    };
    list.insert(place(), extension(0, server_name("example.com")));
    list.insert(place(), extension(0x0033, one_share(0x001d, 32)));
    hello_parts parts;
    for (const auto& extension : list)
      append(parts.extensions, extension);
    const auto hello = parse_client_hello(parts.record());
    RC_ASSERT(hello.has_value());
    RC_ASSERT(hello->sni == "example.com");
    RC_ASSERT(hello->x25519);
  });
}

TEST_CASE("client hello: one with changed bytes is read or refused") {
  check_property([] {
    auto record = old_client_hello();
    const auto places = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(
        rc::gen::inRange<std::size_t>(43, record.size())));
    for (const auto at : places)
      record[at] = *rc::gen::arbitrary<std::uint8_t>();
    const auto got = parse_client_hello(record);
    if (got) {
      RC_ASSERT(got->session_id.size() <= 32u);
      RC_ASSERT(got->sni.size() < record.size());
    } else {
      RC_ASSERT(got.error() == errc::tls_bad_client_hello);
    }
  });
}

TEST_CASE("client hello: key shares are read as far as they go") {
  const auto read = [](const bytes& shares) {
    return read_client_hello(hello_parts{.extensions = extension(0x0033, shares)}.record());
  };
  auto list = one_share(0x11ec, 1216);
  const auto second = one_share(0x001d, 32);
  append(list, byte_view{second}.subspan(2));
  store_be16(list, list.size());  // the list is 2 bytes longer than what is there
  CHECK(read(list).x25519_mlkem768);
  CHECK(read(list).x25519);
  list.pop_back();  // the second share is cut short
  CHECK(read(list).x25519_mlkem768);
  CHECK_FALSE(read(list).x25519);
  CHECK_FALSE(read({}).x25519);
  CHECK_FALSE(read({0x00}).x25519);
}

TEST_CASE("client hello: of any bytes something is read, as a hello that keeps the rules") {
  check_property([] {
    auto record = old_client_hello();
    const auto places = *rc::gen::container<std::vector<std::size_t>>(
        rc::gen::inRange<std::size_t>(0, record.size()));
    for (const auto at : places)
      record[at] = *rc::gen::arbitrary<std::uint8_t>();
    record.resize(*rc::gen::inRange<std::size_t>(0, record.size() + 1));
    const auto read = read_client_hello(record);
    RC_ASSERT(read.session_id.size() <= 32u);
    const auto parsed = parse_client_hello(record);
    if (!parsed) return;
    RC_ASSERT(read.sni == parsed->sni);
    RC_ASSERT(read.session_id == parsed->session_id);
    RC_ASSERT(read.suites == parsed->suites);
    RC_ASSERT(read.x25519 == parsed->x25519);
    RC_ASSERT(read.x25519_mlkem768 == parsed->x25519_mlkem768);
  });
}

TEST_CASE("client hello: random bytes are refused") {
  check_property([] { RC_ASSERT(!parse_client_hello(*any_bytes()).has_value()); });
}

}  // namespace
}  // namespace mtp
