#include "codecs/client/tls_records.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_split;
using test::check_property;
using test::join;
using test::noise;

const bytes change_cipher_spec{0x14, 0x03, 0x03,  // ChangeCipherSpec, TLS 1.2 as 1.3 writes it
                               0x00, 0x01,        // 1 byte
                               0x01};

TEST_CASE("tls_records: type, version and a big-endian length precede the payload") {
  bytes records;
  append_tls_records(bytes{0xaa, 0xbb, 0xcc}, 100, records);
  CHECK(records == bytes{0x17, 0x03, 0x03,  // application data
                         0x00, 0x03,        // 3 bytes
                         0xaa, 0xbb, 0xcc});

  std::array<std::uint8_t, tls_record_header_size> header;
  write_tls_record_header(header, tls_handshake, 0x1234);
  CHECK(header == std::array<std::uint8_t, 5>{0x16, 0x03, 0x03, 0x12, 0x34});
}

TEST_CASE("tls_records: a payload is cut where a record is full") {
  bytes records;
  append_tls_records(bytes{1, 2, 3, 4, 5}, 2, records);
  CHECK(records == bytes{0x17, 0x03, 0x03, 0x00, 0x02, 1, 2,  //
                         0x17, 0x03, 0x03, 0x00, 0x02, 3, 4,  //
                         0x17, 0x03, 0x03, 0x00, 0x01, 5});
  records.clear();
  append_tls_records(bytes{1, 2, 3, 4}, 2, records);
  CHECK(records.size() == 2 * (tls_record_header_size + 2));
  records.clear();
  append_tls_records({}, 2, records);
  CHECK(records.empty());
}

TEST_CASE("tls_records: the payload moves to the front, without headers") {
  auto data = join({bytes{0x17, 0x03, 0x03, 0x00, 0x02, 1, 2}, change_cipher_spec,
                    bytes{0x17, 0x03, 0x03, 0x00, 0x01, 3}});
  tls_record_reader reader;
  const auto got = reader.feed(data);
  REQUIRE(got);
  CHECK(to_bytes(*got) == bytes{1, 2, 3});
  CHECK(got->data() == data.data());
}

TEST_CASE("tls_records: ChangeCipherSpec and empty records give nothing") {
  auto data = join({change_cipher_spec, bytes{0x17, 0x03, 0x03, 0x00, 0x00},
                    bytes{0x14, 0x03, 0x03, 0x00, 0x00}, change_cipher_spec});
  tls_record_reader reader;
  const auto got = reader.feed(data);
  REQUIRE(got);
  CHECK(got->empty());
  bytes more{0x17, 0x03, 0x03, 0x00, 0x01, 0xaa};
  const auto later = reader.feed(more);
  REQUIRE(later);
  CHECK(to_bytes(*later) == bytes{0xaa});
}

TEST_CASE("tls_records: other types and versions are refused once the header is there") {
  for (const auto& header : {bytes{0x15, 0x03, 0x03, 0x00, 0x02},  // alert
                             bytes{0x16, 0x03, 0x03, 0x00, 0x01},  // handshake
                             bytes{0x18, 0x03, 0x03, 0x00, 0x01},  // heartbeat
                             bytes{0x17, 0x03, 0x01, 0x00, 0x01},  // TLS 1.0
                             bytes{0x17, 0x02, 0x03, 0x00, 0x01},  //
                             bytes{0x14, 0x03, 0x04, 0x00, 0x01}}) {
    auto data = header;
    tls_record_reader reader;
    const auto got = reader.feed(data);
    REQUIRE_FALSE(got);
    CHECK(got.error() == errc::tls_bad_record);
  }
}

TEST_CASE("tls_records: a payload is passed on before its record is complete") {
  bytes data{0x17, 0x03, 0x03, 0xff, 0xff, 1, 2, 3};  // 65535 bytes announced
  tls_record_reader reader;
  const auto got = reader.feed(data);
  REQUIRE(got);
  CHECK(to_bytes(*got) == bytes{1, 2, 3});
}

TEST_CASE("tls_records: the alert for a hello that can't be parsed") {
  CHECK(to_bytes(tls_decode_error_alert) == bytes{0x15, 0x03, 0x03,  // alert
                                                  0x00, 0x02,        // 2 bytes
                                                  0x02,              // fatal
                                                  0x32});            // decode_error
}

TEST_CASE("tls_records: any records, read in any split, give their payloads") {
  check_property([] {
    bytes stream;
    bytes expected;
    const auto sizes = *rc::gen::container<std::vector<std::size_t>>(rc::gen::oneOf(
        rc::gen::inRange<std::size_t>(0, 20), rc::gen::inRange<std::size_t>(0, 65536)));
    for (const auto size : sizes) {
      if (*rc::gen::arbitrary<bool>()) append(stream, change_cipher_spec);
      const auto payload = noise(size, size + expected.size());
      std::array<std::uint8_t, tls_record_header_size> header;
      write_tls_record_header(header, tls_application_data, size);
      append(stream, header);
      append(stream, payload);
      append(expected, payload);
    }
    tls_record_reader reader;
    bytes got;
    for (auto& piece : *any_split(stream)) {
      const auto payload = reader.feed(piece);
      RC_ASSERT(payload.has_value());
      append(got, *payload);
    }
    RC_ASSERT(got == expected);
  });
}

TEST_CASE("tls_records: what is written is read back, byte by byte too") {
  check_property([] {
    const auto payload = *any_bytes();
    const auto longest = *rc::gen::inRange<std::size_t>(1, 50);
    bytes stream;
    append_tls_records(payload, longest, stream);
    RC_ASSERT(stream.size() ==
              payload.size() + (payload.size() + longest - 1) / longest * tls_record_header_size);
    tls_record_reader reader;
    bytes got;
    for (auto& byte : stream) {
      const auto piece = reader.feed({&byte, 1});
      RC_ASSERT(piece.has_value());
      append(got, *piece);
    }
    RC_ASSERT(got == payload);
  });
}

TEST_CASE("tls_records: random bytes give no more than they are") {
  check_property([] {
    auto data = *any_bytes();
    if (*rc::gen::arbitrary<bool>()) data.insert(data.begin(), {0x17, 0x03, 0x03, 0x00, 0x04});
    tls_record_reader reader;
    if (const auto got = reader.feed(data)) RC_ASSERT(got->size() <= data.size());
  });
}

TEST_CASE("tls_records: an encrypted alert is a record of 19 bytes that look random") {
  std::array<std::uint8_t, sealed_tls_alert_size> random{};
  random.fill(0xaa);
  bytes expected{0x17, 0x03, 0x03,  // application data
                 0x00, 0x13};       // 19 bytes
  append(expected, random);
  CHECK(make_sealed_tls_alert(random) == expected);
}

}  // namespace
}  // namespace mtp
