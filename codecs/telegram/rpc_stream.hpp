// An RPC connection's two byte streams: frames, and AES-256-CBC around them once keys are agreed
// on. The proxy and the middle proxy use the same two classes.
#pragma once

#include <optional>

#include "codecs/base/stream_window.hpp"
#include "codecs/telegram/full.hpp"
#include "codecs/telegram/middle_key.hpp"

namespace mtp::rpc {

/// Decrypts bytes that were read, and cuts them into frames. Use: `feed`, then `next` until it has
/// no frame, then `close`; bytes given to `feed` must stay valid until `close`.
class stream_reader {
 public:
  explicit stream_reader(bool verify_crc = true) noexcept : frames_{verify_crc} {}

  void feed(byte_span data);
  /// The next frame's body; valid until the next call of anything but `claim`. Errors: those of
  /// `full_decoder`.
  [[nodiscard]] decoded<byte_view> next();
  /// `part` of the latest body as a packet of its own. A large one is not copied; the body is not
  /// valid any more then.
  [[nodiscard]] packet_buffer claim(byte_view part) { return window_.claim(part); }
  void close() { window_.close(); }
  /// Bytes of memory for unread bytes.
  [[nodiscard]] std::size_t held() const noexcept { return window_.held(); }

  /// Everything after the last frame that `next` returned is encrypted, but for filler right behind
  /// it: the Erlang and Python proxies fill up their nonce too, and so may a peer.
  void decrypt_with(const cipher_key& key);
  /// Every frame after the last one that `next` returned carries this checksum.
  void use(checksum kind) noexcept { frames_.use(kind); }

 private:
  byte_span skip_plain_filler(byte_span data);

  /// In plain.
  stream_window window_;
  std::optional<aes_cbc_decryptor> cipher_;
  /// The start of a block whose rest has not come.
  std::array<std::uint8_t, aes_block> partial_{};
  std::size_t partial_size_ = 0;
  /// Filler in plain may still come.
  bool expects_plain_filler_ = false;
  full_decoder frames_;
};

/// Frames and encrypts the bytes to send, once per flush.
class stream_writer {
 public:
  /// Queues a frame whose body is `head` and `tail`; their sizes add up to a multiple of 4.
  void write(byte_view head, byte_view tail = {}) { frames_.encode(head, tail, plain_); }
  /// The same for a packet, which is not copied if it is large. `head` is at most
  /// `packet_buffer::front_room` - 8 bytes.
  void write(byte_view head, packet_buffer tail);
  [[nodiscard]] std::size_t pending() const noexcept { return sealed_size_ + plain_.size(); }
  /// Appends the pending bytes to `into`, filled up to a block and encrypted (or plain, before
  /// `encrypt_with`). Returns how many bytes it appended.
  std::size_t take(std::vector<chunk>& into);
  /// The same, as one piece.
  [[nodiscard]] bytes take();

  /// Small frames not yet taken and all that follow are encrypted.
  void encrypt_with(const cipher_key& key) { cipher_.emplace(key.key, key.iv); }
  /// Every frame written from now on carries this checksum.
  void use(checksum kind) noexcept { frames_.use(kind); }

 private:
  void seal();

  bytes plain_;
  /// Encrypted: large frames, and the bytes that were written in front of them.
  std::vector<chunk> sealed_;
  std::size_t sealed_size_ = 0;
  std::optional<aes_cbc_encryptor> cipher_;
  full_encoder frames_;
};

}  // namespace mtp::rpc
