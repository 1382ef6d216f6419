// A connection's two byte streams once obfuscated2 is set up, with or without fake-TLS records
// around them. The server and the client of a connection use the same two classes.
#pragma once

#include <optional>

#include "codecs/crypto.hpp"
#include "codecs/stream_window.hpp"
#include "codecs/tls_records.hpp"

namespace mtp {

/// Whether the obfuscated stream travels in TLS records.
enum class envelope : std::uint8_t { none, tls };

/// Deciphers what was read. Use: `feed`, then `view`/`consume` until no whole packet is left, then
/// `close`; bytes given to `feed` must stay valid until `close`.
class obfuscated_reader {
 public:
  obfuscated_reader(aes_ctr cipher, envelope outer);
  /// Goes on with a stream that somebody began to read: `unwrapped` are its next bytes, taken out
  /// of their envelope by `records` (absent: there is none).
  obfuscated_reader(aes_ctr cipher, const std::optional<tls_record_reader>& records,
                    byte_view unwrapped);

  /// Takes `data` out of its records and deciphers it in place. Error: `tls_bad_record`.
  [[nodiscard]] result<void> feed(byte_span data);
  [[nodiscard]] byte_view view() const noexcept { return window_.view(); }
  void consume(std::size_t size) noexcept { window_.consume(size); }
  void close() { window_.close(); }

 private:
  aes_ctr cipher_;
  /// Absent without an envelope.
  std::optional<tls_record_reader> records_;
  stream_window window_;
};

/// Collects plain bytes and turns them into what is sent, at once a flush.
class obfuscated_writer {
 public:
  /// Records carry at most `max_record` bytes.
  obfuscated_writer(aes_ctr cipher, envelope outer, std::size_t max_record = max_tls_record_payload)
      : cipher_{std::move(cipher)}, outer_{outer}, max_record_{max_record} {}

  /// Where plain bytes are appended (existing content must be left alone).
  [[nodiscard]] bytes& plain();
  /// Plain bytes waiting for `take`.
  [[nodiscard]] std::size_t pending() const noexcept;
  /// Enciphers what is pending and returns it, in records if there is an envelope.
  [[nodiscard]] bytes take();

 private:
  aes_ctr cipher_;
  envelope outer_;
  std::size_t max_record_;
  /// With an envelope, the first record's header has its place at the front.
  bytes plain_;
};

}  // namespace mtp
