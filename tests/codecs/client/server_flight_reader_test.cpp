#include "codecs/client/server_flight_reader.hpp"

#include "tests/codecs/client/cover_probes.hpp"
#include "tests/codecs/client/site_flights.hpp"
#include "tests/support/tls_site.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_split;
using test::change_cipher_spec_record;
using test::check_property;
using test::data_record;
using test::join;
using test::probe_of;
using test::read_flight;
using test::server_hello_parts;
using test::share_extension;
using test::site_session_id;
using test::start_of;
using test::tls_record;
using test::tls_site;
using test::version_extension;
using test::whole_flight;

using code_list = bounded_list<std::uint16_t, 8>;
using size_list = bounded_list<std::uint16_t, 32>;

const bytes retry_random{0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                         0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                         0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
/// Feeds a flight that is sound. Whether nothing more is wanted.
bool is_done(server_flight_reader& reader, byte_view data) {
  CHECK(reader.feed(data));
  return reader.done();
}

/// key_share of a HelloRetryRequest: secp384r1.
const bytes retry_share{0x00, 0x33, 0x00, 0x02, 0x00, 0x18};

void check_broken(byte_view flight) {
  server_flight_reader reader{site_session_id};
  const auto got = reader.feed(flight);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::tls_bad_server_flight);
  CHECK(reader.finish().kind == flight_kind::broken);
  CHECK_FALSE(reader.feed({}));  // ever after
}

void check_broken_hello(const server_hello_parts& parts) {
  check_broken(parts.record());
}

TEST_CASE("flight reader: TLS 1.3, byte for byte") {
  bytes flight{0x16, 0x03, 0x03, 0x00, 0x5a,  // handshake record, 90 bytes
               0x02, 0x00, 0x00, 0x56,        // ServerHello, 86 bytes
               0x03, 0x03};                   // TLS 1.2, as 1.3 writes it
  flight.resize(flight.size() + 32, 0x77);    // random
  append(flight, bytes{0x00,                  // session id: none
                       0x13, 0x02,            // TLS_AES_256_GCM_SHA384
                       0x00,                  // compression: none
                       0x00, 0x2e,            // extensions: 46 bytes
                       0x00, 0x33, 0x00, 0x24, 0x00, 0x1d, 0x00, 0x20});  // key_share: x25519
  flight.resize(flight.size() + 32, 0xcc);
  append(flight, version_extension);
  append(flight, bytes{0x14, 0x03, 0x03, 0x00, 0x01, 0x01,  // ChangeCipherSpec
                       0x17, 0x03, 0x03, 0x00, 0x11});      // application data: 17 bytes
  flight.resize(flight.size() + 17);
  append(flight, data_record(900));
  server_flight_reader reader{{}};
  CHECK_FALSE(is_done(reader, flight));  // the site may go on
  CHECK(reader.finish() == observed_flight{.kind = flight_kind::tls13,
                                           .version = 0x0304,
                                           .suite = 0x1302,
                                           .group = 0x001d,
                                           .session_id_echoed = true,
                                           .change_cipher_spec = true,
                                           .extensions = {0x0033, 0x002b},
                                           .records = {17, 900}});
}

TEST_CASE("flight reader: with ML-KEM, without ChangeCipherSpec, with another session id") {
  const server_hello_parts hello{
      .session_id = bytes(32, 1),
      .extensions = join({version_extension, share_extension(0x11ec, 1120)})};
  const auto flight = read_flight(join({hello.record(), data_record(100)}));
  CHECK(flight.kind == flight_kind::tls13);
  CHECK(flight.group == 0x11ec);
  CHECK_FALSE(flight.session_id_echoed);
  CHECK_FALSE(flight.change_cipher_spec);
  CHECK(flight.records == size_list{100});
}

TEST_CASE("flight reader: silence is no flight") {
  CHECK(read_flight({}).kind == flight_kind::none);
}

TEST_CASE("flight reader: a HelloRetryRequest, and the group it asks for") {
  const server_hello_parts hello{.random = retry_random,
                                 .extensions = join({version_extension, retry_share})};
  server_flight_reader reader{site_session_id};
  CHECK(is_done(reader, join({hello.record(), change_cipher_spec_record})));
  const auto flight = reader.finish();
  CHECK(flight.kind == flight_kind::hello_retry_request);
  CHECK(flight.group == 0x0018);
  CHECK(flight.extensions == code_list{0x002b, 0x0033});
  // For a cookie only.
  const server_hello_parts cookie{
      .random = retry_random, .extensions = join({version_extension, bytes{0, 44, 0, 3, 0, 1, 9}})};
  CHECK(read_flight(cookie.record()).kind == flight_kind::hello_retry_request);
}

TEST_CASE("flight reader: TLS 1.2 and below, with more in the same record") {
  for (const auto version : std::initializer_list<std::uint16_t>{0x0303, 0x0302, 0x0301, 0x0300}) {
    const server_hello_parts hello{
        .version = version, .suite = 0xc02f, .extensions = {0xff, 0x01, 0x00, 0x01, 0x00}};
    const auto record = tls_record(0x16, join({hello.message(), bytes{11, 0, 0, 1, 0}}));
    server_flight_reader reader{site_session_id};
    CHECK(is_done(reader, record));
    const auto flight = reader.finish();
    CHECK(flight.kind == flight_kind::older_tls);
    CHECK(flight.version == version);
    CHECK(flight.suite == 0xc02f);
    CHECK(flight.extensions == code_list{0xff01});
  }
}

TEST_CASE("flight reader: a ServerHello of old may have no extensions") {
  auto message = server_hello_parts{.suite = 0x002f, .extensions = {}}.message();
  message.resize(message.size() - 2);
  message[3] = static_cast<std::uint8_t>(message.size() - 4);
  CHECK(read_flight(tls_record(0x16, message)).kind == flight_kind::older_tls);
}

TEST_CASE("flight reader: an alert, at once or behind ServerHello") {
  const bytes alert{0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x70};  // fatal, unrecognized_name
  const observed_flight expected{.kind = flight_kind::alert, .alert = 0x70};
  CHECK(read_flight(alert) == expected);
  CHECK(read_flight(join({whole_flight({100}), alert})) == expected);
}

TEST_CASE("flight reader: a ServerHello in several records") {
  const auto message = server_hello_parts{}.message();
  bytes flight;
  for (std::size_t at = 0; at < message.size(); at += 50)
    append(flight, tls_record(0x16, byte_view{message}.subspan(
                                        at, std::min<std::size_t>(50, message.size() - at))));
  append(flight, data_record(100));
  CHECK(read_flight(flight).records == size_list{100});
}

TEST_CASE("flight reader: what is no TLS server's is refused as soon as it is seen") {
  check_broken(as_bytes("HTTP/1.1 400 Bad Request\r\n"));
  check_broken(bytes{0x17, 0x03, 0x03, 0x00, 0x20});               // data before ServerHello
  check_broken(change_cipher_spec_record);                         // the same
  check_broken(bytes{0x16, 0x02, 0x03, 0x00, 0x20});               // no TLS
  check_broken(bytes{0x16, 0x03, 0x04, 0x00, 0x20});               // no version of records
  check_broken(bytes{0x16, 0x03, 0x03, 0x00, 0x00});               // empty
  check_broken(bytes{0x16, 0x03, 0x03, 0x40, 0x01});               // longer than 16384
  check_broken(bytes{0x16, 0x03, 0x03, 0x00, 0x20, 0x01});         // no ServerHello
  check_broken(bytes{0x16, 0x03, 0x03, 0x00, 0x20, 2, 0, 16, 0});  // one of 4096 bytes and more
  check_broken(bytes{0x15, 0x03, 0x03, 0x00, 0x03});               // a long alert
  check_broken(bytes{0x18, 0x03, 0x03, 0x00, 0x03});               // heartbeat
}

TEST_CASE("flight reader: what breaks a rule behind ServerHello is refused") {
  const auto hello = server_hello_parts{}.record();
  check_broken(join({hello, hello}));
  check_broken(join({hello, change_cipher_spec_record, change_cipher_spec_record}));
  check_broken(join({hello, bytes{0x14, 0x03, 0x03, 0x00, 0x02}}));
  check_broken(join({hello, bytes{0x17, 0x03, 0x03, 0x00, 0x10}}));  // less than type and tag
  check_broken(join({hello, bytes{0x17, 0x03, 0x03, 0x41, 0x01}}));  // longer than 16640
  check_broken(tls_record(0x16, join({server_hello_parts{}.message(), bytes{8}})));  // plain
}

TEST_CASE("flight reader: a ServerHello whose parts do not fit is refused") {
  const auto share = share_extension(0x001d, 32);
  check_broken_hello({.version = 0x0301});                // 1.3 says 1.2
  check_broken_hello({.extensions = version_extension});  // no share
  check_broken_hello({.extensions = join({version_extension, version_extension, share})});
  check_broken_hello({.extensions = join({version_extension, share_extension(0x001d, 31)})});
  check_broken_hello({.extensions = join({version_extension, share_extension(0x11ec, 1216)})});
  check_broken_hello({.extensions = join({version_extension, share_extension(0x0017, 0)})});
  check_broken_hello({.extensions = join({version_extension, retry_share})});
  check_broken_hello({.random = retry_random, .extensions = join({version_extension, share})});
  check_broken_hello({.random = retry_random, .extensions = {}});  // of TLS 1.2
  check_broken_hello({.extensions = join({bytes{0x00, 0x2b, 0x00, 0x01, 0x03}, share})});
  check_broken_hello({.extensions = join({version_extension, share, bytes{0}})});
  auto message = server_hello_parts{}.message();
  message.push_back(0);
  ++message[3];
  check_broken(tls_record(0x16, message));
}

TEST_CASE("flight reader: a flight that breaks off inside a record is no flight") {
  const auto flight = whole_flight({100, 50});
  const auto hello = server_hello_parts{}.record().size();
  for (std::size_t size = 1; size < flight.size(); ++size) {
    const bool between = size == hello || size == hello + 6 || size == hello + 6 + 105;
    const auto kind = read_flight(start_of(flight, size)).kind;
    CHECK(kind == (between ? flight_kind::tls13 : flight_kind::broken));
  }
}

TEST_CASE("flight reader: it reads 16 KiB, or 32 records, and says that there was more") {
  server_flight_reader large{site_session_id};
  CHECK_FALSE(is_done(large, whole_flight({16'000, 384})));
  CHECK_FALSE(large.finish().cut);
  CHECK(is_done(large, data_record(17)));
  CHECK(large.finish().cut);
  CHECK(large.finish().records == size_list{16'000, 384, 17});
  CHECK(is_done(large, data_record(17)));  // ignored
  CHECK(large.finish().records.size() == 3);

  server_flight_reader many{site_session_id};
  CHECK_FALSE(is_done(many, whole_flight({})));
  for (int i = 0; i < 32; ++i)
    CHECK_FALSE(is_done(many, data_record(17)));
  CHECK_FALSE(many.finish().cut);
  CHECK(is_done(many, data_record(17)));
  CHECK(many.finish().cut);
  CHECK(many.finish().kind == flight_kind::tls13);
}

TEST_CASE("flight reader: OpenSSL's flights") {
  const auto probe = probe_of(hello_shape::x25519_only);
  const auto read = [&](const tls_site& site) {
    return read_flight(site.answer(probe.record), probe.session_id);
  };
  const auto flight = read({});
  CHECK(flight.kind == flight_kind::tls13);
  CHECK(flight.suite == 0x1301);
  CHECK(flight.group == 0x001d);
  CHECK((flight.session_id_echoed && flight.change_cipher_spec));
  CHECK(flight.extensions == code_list{0x002b, 0x0033});
  CHECK(flight.records.size() == 4);  // EncryptedExtensions, certificates, their proof, Finished

  const auto retry = read({.groups = "P-384"});
  CHECK(retry.kind == flight_kind::hello_retry_request);
  CHECK(retry.group == 0x0018);
  CHECK(read({.tls13 = false}).kind == flight_kind::older_tls);
  CHECK(read({.chain = 100}).cut);
  // All of what browsers offer, and no group that they know.
  CHECK(read({.groups = "ffdhe2048"}).kind == flight_kind::alert);
}

TEST_CASE("flight reader: any split of any flight gives the same") {
  check_property([] {
    auto flight = whole_flight({17, 1200, 64, 300});
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        flight[*rc::gen::inRange<std::size_t>(0, flight.size())] =
            *rc::gen::arbitrary<std::uint8_t>();
        break;
      case 1:
        flight.resize(*rc::gen::inRange<std::size_t>(0, flight.size()));
        append(flight, *any_bytes());
        break;
      case 2:
        flight = join({server_hello_parts{.random = retry_random,
                                          .extensions = join({version_extension, retry_share})}
                           .record(),
                       *any_bytes()});
        break;
      default:
        break;
    }
    server_flight_reader whole{site_session_id};
    const bool sound = whole.feed(flight).has_value();
    server_flight_reader cut{site_session_id};
    bool sound_in_pieces = true;
    for (const auto& piece : *any_split(flight))
      sound_in_pieces = cut.feed(piece).has_value();
    RC_ASSERT(sound == sound_in_pieces);
    RC_ASSERT(whole.done() == cut.done());
    RC_ASSERT(whole.finish() == cut.finish());
  });
}

}  // namespace
}  // namespace mtp
