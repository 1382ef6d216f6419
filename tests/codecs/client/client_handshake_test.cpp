#include "codecs/client/client_handshake.hpp"

#include <algorithm>

#include "codecs/client/secret.hpp"
#include "tests/codecs/client/client_hellos.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_framing;
using test::any_split;
using test::check_property;
using test::extension;
using test::hello_parts;
using test::hello_secret;
using test::join;
using test::noise;
using test::old_client_hello;
using test::old_hello_time;
using test::server_name;

using established = client_handshake::established;
using hello_received = client_handshake::hello_received;
using incomplete = client_handshake::incomplete;

const client_handshake::options all_of_them{.secret = hello_secret, .per_sni_salt = std::nullopt};
const bytes encrypted(100, 0xee);
const server_flight_plan flight_plan{.encrypted_size = 100};
const server_flight_random flight_random{
    .x25519_key = {}, .mlkem_ciphertext = {}, .encrypted = encrypted};

obfuscated2_client make_client(framing kind, dc_id dc, const secret16& secret = hello_secret) {
  const auto random = noise(obfuscated2_header_size, 1);
  return make_obfuscated2(std::span<const std::uint8_t, obfuscated2_header_size>{random}, secret,
                          kind, dc);
}

/// What a client sends: its header and `text`, enciphered.
bytes header_and(obfuscated2_client& client, bytes text) {
  client.to_server.apply(text);
  return join({client.header, text});
}

bytes in_records(byte_view payload) {
  bytes records{0x14, 0x03, 0x03, 0x00, 0x01, 0x01};  // ChangeCipherSpec
  append_tls_records(payload, 100, records);
  return records;
}

errc error_of(const result<client_handshake::step>& got) {
  REQUIRE_FALSE(got);
  return got.error();
}

/// Why a connection that starts with these bytes is refused.
errc refusal_of(const bytes& stream, const client_handshake::options& options = all_of_them) {
  client_handshake handshake{options};
  return error_of(handshake.feed(stream));
}

/// The same for bytes that come after the old hello and its answer.
errc refusal_after_hello(const bytes& stream) {
  client_handshake handshake{all_of_them};
  const auto hello = handshake.feed(old_client_hello());
  REQUIRE(hello);
  REQUIRE(std::holds_alternative<hello_received>(*hello));
  static_cast<void>(handshake.answer(flight_plan, flight_random));
  return error_of(handshake.feed(stream));
}

TEST_CASE("client handshake: without fake-TLS, 64 bytes are all it takes") {
  auto client = make_client(framing::intermediate, -4);
  client_handshake handshake{all_of_them};
  const auto waits = handshake.feed(byte_view{client.header}.first(63));
  REQUIRE(waits);
  CHECK(std::holds_alternative<incomplete>(*waits));
  auto got = handshake.feed(byte_view{client.header}.subspan(63));
  REQUIRE(got);
  REQUIRE(std::holds_alternative<established>(*got));
  auto end = std::get<established>(std::move(*got));
  CHECK(end.kind == framing::intermediate);
  CHECK(end.dc == -4);
  CHECK_FALSE(end.tls);
  CHECK(end.sni.empty());
  CHECK(std::ranges::equal(end.header_key, byte_view{client.header}.subspan(8, 48)));
  CHECK(end.reader.view().empty());
}

TEST_CASE("client handshake: with fake-TLS, a hello is answered before the header comes") {
  client_handshake handshake{all_of_them};
  const auto hello = handshake.feed(old_client_hello());
  REQUIRE(hello);
  REQUIRE(std::holds_alternative<hello_received>(*hello));
  const auto& received = std::get<hello_received>(*hello);
  CHECK(received.client_time == old_hello_time);
  CHECK(received.hello->sni == "example.com");
  const auto random = received.hello->random;
  const auto flight = handshake.answer(flight_plan, flight_random);
  CHECK(check_server_flight(flight, random, hello_secret) == flight.size());

  auto client = make_client(framing::padded, 2);
  auto got = handshake.feed(in_records(header_and(client, {1, 2, 3})));
  REQUIRE(got);
  REQUIRE(std::holds_alternative<established>(*got));
  auto end = std::get<established>(std::move(*got));
  CHECK(end.kind == framing::padded);
  CHECK(end.dc == 2);
  CHECK(end.tls);
  CHECK(end.sni == "example.com");
  CHECK(to_bytes(end.reader.view()) == bytes{1, 2, 3});
}

TEST_CASE("client handshake: the first three bytes tell fake-TLS from the rest") {
  client_handshake handshake{all_of_them};
  for (const std::uint8_t byte : {std::uint8_t{0x16}, std::uint8_t{0x03}}) {
    const auto got = handshake.feed({&byte, 1});
    REQUIRE(got);
    CHECK(std::holds_alternative<incomplete>(*got));
  }
  const bytes not_tls(62, 0x03);  // 16 03 03 ...
  CHECK(error_of(handshake.feed(not_tls)) == errc::unknown_protocol);
}

TEST_CASE("client handshake: a header that opens with another secret is refused") {
  auto other = hello_secret;
  other[0] ^= 1;
  CHECK(refusal_of(to_bytes(make_client(framing::padded, 2, other).header)) ==
        errc::unknown_protocol);
  CHECK(refusal_after_hello(in_records(make_client(framing::padded, 2, other).header)) ==
        errc::unknown_protocol);
}

TEST_CASE("client handshake: hellos that are broken or foreign are refused") {
  CHECK(refusal_of({0x16, 0x03, 0x01, 0x00, 0x00}) == errc::tls_bad_client_hello);
  CHECK(refusal_of(hello_parts{.compression = {}}.record()) == errc::tls_bad_client_hello);
  CHECK(refusal_of(hello_parts{}.record()) == errc::tls_invalid_digest);
  auto options = all_of_them;
  options.secret[0] ^= 1;
  CHECK(refusal_of(old_client_hello(), options) == errc::tls_invalid_digest);
}

TEST_CASE("client handshake: of a refused hello the name is known") {
  auto options = all_of_them;
  options.secret[0] ^= 1;
  client_handshake handshake{options};
  CHECK_FALSE(handshake.is_tls());
  CHECK(error_of(handshake.feed(old_client_hello())) == errc::tls_invalid_digest);
  CHECK(handshake.is_tls());
  CHECK(handshake.sni() == "example.com");

  client_handshake plain{options};
  CHECK(error_of(plain.feed(bytes(64, 'x'))) == errc::unknown_protocol);
  CHECK_FALSE(plain.is_tls());
  CHECK(plain.sni().empty());
}

/// The hello that was taken; checks that its answer is one for it.
client_hello accepted(bytes record, const client_handshake::options& options = all_of_them) {
  sign_client_hello(record, options.secret, old_hello_time);
  client_handshake handshake{options};
  const auto got = handshake.feed(record);
  REQUIRE(got);
  REQUIRE(std::holds_alternative<hello_received>(*got));
  const auto& received = std::get<hello_received>(*got);
  CHECK(received.client_time == old_hello_time);
  const auto hello = *received.hello;
  const auto flight = handshake.answer(flight_plan, flight_random);
  CHECK(check_server_flight(flight, hello.random, options.secret) == flight.size());
  return hello;
}

TEST_CASE("client handshake: with the right digest a hello is taken, whatever else it says") {
  // iOS 12.2 to 12.6 sends no server_name.
  CHECK(accepted(hello_parts{}.record()).sni.empty());
  const auto with = [](const bytes& extensions) {
    return accepted(hello_parts{.extensions = extensions}.record());
  };
  CHECK(with(extension(0, {})).sni.empty());
  CHECK(with(extension(0, server_name(""))).sni.empty());
  CHECK(with(extension(0, bytes{0, 4, 1, 0, 1, 'a'})).sni.empty());  // no host name
  CHECK(with(join({extension(0, server_name("a")), extension(0, server_name("b"))})).sni == "a");
  CHECK(with({0x00, 0x33, 0x00}).sni.empty());  // half an extension
  // The block of extensions says that it is longer than the record, and the last one, too.
  auto longer = old_client_hello();
  longer[3 + 76 + 2 + load_be16(byte_view{longer}.subspan(76)) + 2] ^= 0x80;
  CHECK_FALSE(accepted(longer).session_id.empty());
  // The message says another length than the record.
  for (const auto by : {-100, -1, 1, 100}) {
    auto record = old_client_hello();
    store_be16(byte_span{record}.subspan(7),
               static_cast<std::size_t>(load_be16(byte_view{record}.subspan(7)) + by));
    CHECK(accepted(record).sni == "example.com");
  }
  CHECK(accepted(hello_parts{.session_id = bytes(40, 7)}.record()).session_id.empty());
  CHECK(accepted(hello_parts{.compression = {}}.record()).session_id.size() == 32);
}

TEST_CASE("client handshake: what can't be a hello is refused before its record is whole") {
  CHECK(refusal_of({0x16, 0x03, 0x01, 0x02, 0x00, 0x02}) == errc::tls_bad_client_hello);
  CHECK(refusal_of({0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x3f, 0xfd}) ==
        errc::tls_bad_client_hello);
  CHECK(refusal_of({0x16, 0x03, 0x01, 0x40, 0x01}) == errc::tls_bad_client_hello);
}

TEST_CASE("client handshake: what a hello says does not decide whether it is ours") {
  check_property([] {
    auto record = old_client_hello();
    const auto places = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(
        rc::gen::inRange<std::size_t>(43, record.size())));
    for (const auto at : places)
      record[at] = *rc::gen::arbitrary<std::uint8_t>();
    // Whatever was changed, to whatever: it is not ours.
    sign_client_hello(record, secret16{1}, old_hello_time);
    const auto refused = refusal_of(record);
    const auto parsed = parse_client_hello(record);
    RC_ASSERT(refused == (parsed ? errc::tls_invalid_digest : errc::tls_bad_client_hello));
    sign_client_hello(record, hello_secret, old_hello_time);
    client_handshake handshake{all_of_them};
    auto got = handshake.feed({});
    RC_ASSERT(got.has_value());
    for (const auto& piece : *any_split(record)) {
      // The last pieces may be empty.
      if (!std::holds_alternative<incomplete>(*got)) break;
      got = handshake.feed(piece);
      RC_ASSERT(got.has_value());
    }
    RC_ASSERT(std::holds_alternative<hello_received>(*got));
    if (parsed) RC_ASSERT(std::get<hello_received>(*got).hello->sni == parsed->sni);
  });
}

TEST_CASE("client handshake: with a salt, a hello without a name can't be anybody's") {
  auto options = all_of_them;
  options.per_sni_salt = "some salt";
  auto nameless = hello_parts{}.record();
  sign_client_hello(nameless, hello_secret, old_hello_time);
  CHECK(refusal_of(nameless, options) == errc::tls_invalid_digest);
  sign_client_hello(nameless, derive_sni_secret(hello_secret, "", "some salt"), old_hello_time);
  CHECK(refusal_of(nameless, options) == errc::tls_invalid_digest);
  // Of a hello that breaks other rules the name counts.
  auto broken =
      hello_parts{.compression = {}, .extensions = extension(0, server_name("example.com"))}
          .record();
  sign_client_hello(broken, derive_sni_secret(hello_secret, "example.com", "some salt"),
                    old_hello_time);
  client_handshake handshake{options};
  const auto got = handshake.feed(broken);
  REQUIRE(got);
  CHECK(std::holds_alternative<hello_received>(*got));
}

TEST_CASE("client handshake: after the hello, anything but data is refused") {
  CHECK(refusal_after_hello({0x15, 0x03, 0x03, 0x00, 0x02}) == errc::tls_bad_record);  // alert
  CHECK(refusal_after_hello(old_client_hello()) == errc::tls_bad_record);
}

TEST_CASE("client handshake: with a salt, each domain has a secret of its own") {
  auto options = all_of_them;
  options.per_sni_salt = "some salt";
  CHECK(refusal_of(old_client_hello(), options) == errc::tls_invalid_digest);

  const auto derived = derive_sni_secret(hello_secret, "example.com", "some salt");
  auto hello = old_client_hello();
  sign_client_hello(hello, derived, 12345);
  client_handshake handshake{options};
  const auto got = handshake.feed(hello);
  REQUIRE(got);
  REQUIRE(std::holds_alternative<hello_received>(*got));
  const auto random = std::get<hello_received>(*got).hello->random;
  const auto flight = handshake.answer(flight_plan, flight_random);
  CHECK(check_server_flight(flight, random, derived) == flight.size());
  const auto end = handshake.feed(in_records(make_client(framing::padded, 2, derived).header));
  REQUIRE(end);
  CHECK(std::holds_alternative<established>(*end));
  // Clients without fake-TLS keep the secret as it is.
  client_handshake plain{options};
  const auto other = plain.feed(make_client(framing::padded, 2).header);
  REQUIRE(other);
  CHECK(std::holds_alternative<established>(*other));
}

TEST_CASE("client handshake: any client in any split gets its two streams") {
  check_property([] {
    const bool tls = *rc::gen::arbitrary<bool>();
    const auto kind = tls ? framing::padded : *any_framing();
    const auto dc = *rc::gen::arbitrary<dc_id>();
    const auto text = *any_bytes();
    auto client = make_client(kind, dc);
    auto stream = header_and(client, text);
    if (tls) stream = join({old_client_hello(), in_records(stream)});

    client_handshake handshake{all_of_them};
    std::optional<established> end;
    bytes got_text;
    for (auto& piece : *any_split(stream)) {
      if (end) {
        RC_ASSERT(end->reader.feed(piece).has_value());
        append(got_text, end->reader.view());
        end->reader.consume(end->reader.view().size());
        end->reader.close();
        continue;
      }
      auto step = handshake.feed(piece);
      RC_ASSERT(step.has_value());
      if (std::holds_alternative<hello_received>(*step)) {
        static_cast<void>(handshake.answer(flight_plan, flight_random));
        step = handshake.feed({});
        RC_ASSERT(step.has_value());
      }
      if (!std::holds_alternative<established>(*step)) continue;
      end.emplace(std::get<established>(std::move(*step)));
      append(got_text, end->reader.view());
      end->reader.consume(end->reader.view().size());
      end->reader.close();
    }
    RC_ASSERT(end.has_value());
    RC_ASSERT(end->kind == kind);
    RC_ASSERT(end->dc == dc);
    RC_ASSERT(end->tls == tls);
    RC_ASSERT(got_text == text);

    append(end->writer.plain(), text);
    obfuscated_reader reader{std::move(client.from_server), tls ? envelope::tls : envelope::none};
    auto sent = end->writer.take();
    RC_ASSERT(reader.feed(sent).has_value());
    RC_ASSERT(to_bytes(reader.view()) == text);
  });
}

}  // namespace
}  // namespace mtp
