// TLS 1.3 records as fake-TLS uses them after the hellos: application data (23), and
// ChangeCipherSpec (20), which is skipped. Facts: doc/wire/fake_tls.md.
#pragma once

#include <array>
#include <span>

#include "codecs/base/bytes.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

inline constexpr std::size_t tls_record_header_size = 5;

/// Payload of the longest record a real TLS 1.3 server sends: 2^14 bytes, their type and a tag.
inline constexpr std::uint16_t max_tls_record_payload = 16401;

inline constexpr std::uint8_t tls_change_cipher_spec = 20;
inline constexpr std::uint8_t tls_alert = 21;
inline constexpr std::uint8_t tls_handshake = 22;
inline constexpr std::uint8_t tls_application_data = 23;

/// Takes record headers out of a stream. The payload of a record is passed on as it arrives.
class tls_record_reader {
 public:
  /// Moves the payload in `data` to its front, in place, and returns it. Any split of a stream
  /// gives the same payload. Records may be of any length. Error: `tls_bad_record` (another type or
  /// version); the reader must not be used afterwards.
  [[nodiscard]] result<byte_span> feed(byte_span data);

 private:
  // Small: every fake-TLS client has one.
  std::array<std::uint8_t, tls_record_header_size> header_{};
  std::uint8_t header_size_ = 0;
  std::uint16_t remaining_ = 0;
  bool skipping_ = false;
};

/// Writes a record's header: `type`, version 03 03, `payload` (at most 65535) bytes.
void write_tls_record_header(std::span<std::uint8_t, tls_record_header_size> into,
                             std::uint8_t type, std::size_t payload) noexcept;

/// Appends `payload` as application data, in records of at most `max_payload` bytes.
void append_tls_records(byte_view payload, std::size_t max_payload, bytes& into);

/// A fatal decode_error alert: a TLS server's answer to a hello that it can't parse (RFC 8446,
/// 6.2).
inline constexpr std::array<std::uint8_t, 7> tls_decode_error_alert{
    tls_alert, 3, 3, 0, 2, /*fatal*/ 2, /*decode_error*/ 50};

/// Bytes of an encrypted alert: level and description, the record's real type, and a tag (RFC 8446,
/// 5.2).
inline constexpr std::size_t sealed_tls_alert_size = 2 + 1 + 16;
/// What a TLS 1.3 server sends last when it can't read what has come, as an observer sees it: a
/// record of application data, whose bytes look random.
[[nodiscard]] bytes make_sealed_tls_alert(
    std::span<const std::uint8_t, sealed_tls_alert_size> random);

}  // namespace mtp
