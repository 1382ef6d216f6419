// Flights of a TLS server, built by hand.
#pragma once

#include "codecs/client/server_flight_reader.hpp"
#include "tests/support/property.hpp"

namespace mtp::test {

/// The one that probes of these tests send.
inline const bytes site_session_id(32, 0x5e);

/// supported_versions: TLS 1.3.
inline const bytes version_extension{0x00, 0x2b, 0x00, 0x02, 0x03, 0x04};

inline bytes share_extension(std::uint16_t group, std::size_t size) {
  bytes encoded{0x00, 0x33};
  append_be16(encoded, size + 4);
  append_be16(encoded, group);
  append_be16(encoded, size);
  encoded.resize(encoded.size() + size, 0xcc);
  return encoded;
}

/// The parts of a ServerHello that tests vary.
struct server_hello_parts {
  std::uint16_t version = 0x0303;
  bytes random = bytes(32, 0x77);
  bytes session_id = site_session_id;
  std::uint16_t suite = 0x1301;
  bytes extensions = join({version_extension, share_extension(0x001d, 32)});

  [[nodiscard]] bytes message() const {
    bytes body;
    append_be16(body, version);
    append(body, random);
    body.push_back(static_cast<std::uint8_t>(session_id.size()));
    append(body, session_id);
    append_be16(body, suite);
    body.push_back(0);  // compression: none
    append_be16(body, extensions.size());
    append(body, extensions);
    bytes encoded{2, 0};
    append_be16(encoded, body.size());
    append(encoded, body);
    return encoded;
  }
  [[nodiscard]] bytes record() const;
};

inline bytes tls_record(std::uint8_t type, byte_view payload) {
  bytes encoded{type, 3, 3};
  append_be16(encoded, payload.size());
  append(encoded, payload);
  return encoded;
}

inline bytes server_hello_parts::record() const {
  return tls_record(0x16, message());
}

inline const bytes change_cipher_spec_record{0x14, 0x03, 0x03, 0x00, 0x01, 0x01};

inline bytes data_record(std::size_t size) {
  return tls_record(0x17, bytes(size, 0xda));
}

/// ServerHello, ChangeCipherSpec, and records of these sizes.
inline bytes whole_flight(std::initializer_list<std::size_t> sizes,
                          const server_hello_parts& hello = {}) {
  auto flight = join({hello.record(), change_cipher_spec_record});
  for (const auto size : sizes)
    append(flight, data_record(size));
  return flight;
}

inline observed_flight read_flight(byte_view flight, byte_view session_id = site_session_id) {
  server_flight_reader reader{session_id};
  static_cast<void>(reader.feed(flight));
  return reader.finish();
}

}  // namespace mtp::test
