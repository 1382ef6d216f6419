// A connection's two byte streams once obfuscated2 is set up, with or without fake-TLS records
// around them. The server and the client of a connection use the same two classes.
#pragma once

#include <optional>

#include "codecs/base/crypto.hpp"
#include "codecs/base/stream_window.hpp"
#include "codecs/client/framing.hpp"
#include "codecs/client/record_sizing.hpp"

namespace mtp {

/// Whether the obfuscated stream travels in TLS records.
enum class envelope : std::uint8_t { none, tls };

/// A client's packet.
struct client_packet {
  packet_buffer packet;
  /// The client wants a quick ack for it.
  bool quick_ack = false;
};

/// Decrypts bytes that were read. Use: `feed`, then `next` (or `view`/`consume`) until no whole
/// packet is left, then `close`; bytes given to `feed` must stay valid until `close`.
class obfuscated_reader {
 public:
  obfuscated_reader(aes_ctr cipher, envelope outer);
  /// Continues a stream that another reader began: `unwrapped` are its next bytes, already taken
  /// out of their records by `records` (absent: there are no records).
  obfuscated_reader(aes_ctr cipher, const std::optional<tls_record_reader>& records,
                    byte_view unwrapped);

  /// Takes `data` out of its records and decrypts it in place. Error: `tls_bad_record`.
  [[nodiscard]] result<void> feed(byte_span data);
  /// The next packet, if it is all there. Errors: those of `decode_frame`.
  [[nodiscard]] decoded<client_packet> next(framing kind, std::size_t limit = max_client_packet);
  /// All unread bytes, in one piece.
  [[nodiscard]] byte_view view() { return window_.front(window_.size()); }
  void consume(std::size_t size) noexcept { window_.consume(size); }
  void close() { window_.close(); }
  /// Bytes of memory for unread bytes.
  [[nodiscard]] std::size_t held() const noexcept { return window_.held(); }

 private:
  aes_ctr cipher_;
  /// Absent without an envelope.
  std::optional<tls_record_reader> records_;
  stream_window window_;
};

/// Collects plain bytes and turns them into the bytes to send, once per flush.
class obfuscated_writer {
 public:
  obfuscated_writer(aes_ctr cipher, envelope outer) : cipher_{std::move(cipher)}, outer_{outer} {}

  /// Of the records from now on, if there is an envelope.
  void size_records(record_sizes sizes) noexcept { sizes_ = sizes; }
  [[nodiscard]] record_sizes& sizes() noexcept { return sizes_; }

  /// Where plain bytes are appended (existing content must be left alone).
  [[nodiscard]] bytes& plain();
  /// Appends a frame as `encode_frame` does. A large packet is not copied.
  void write(framing kind, packet_buffer packet, byte_view padding);
  /// Bytes waiting to be taken, without records.
  [[nodiscard]] std::size_t pending() const noexcept;
  /// Encrypts the pending bytes and appends them to `into`, in records if there is an envelope.
  /// Returns how many bytes it appended.
  std::size_t take(std::vector<chunk>& into);
  /// The same, as one piece.
  [[nodiscard]] bytes take();

 private:
  void seal();
  void seal(packet_buffer packet);

  aes_ctr cipher_;
  envelope outer_;
  record_sizes sizes_;
  /// With an envelope, the first record's header has its place at the front.
  bytes plain_;
  /// Encrypted: large packets, and the bytes that were written in front of them.
  std::vector<chunk> sealed_;
  /// Their bytes, without and with records.
  std::size_t sealed_plain_ = 0;
  std::size_t sealed_size_ = 0;
};

}  // namespace mtp
