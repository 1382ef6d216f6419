// An RPC connection's two byte streams: frames, and AES-256-CBC around them once keys are agreed
// on. The proxy and the middle proxy use the same two classes.
#pragma once

#include <optional>

#include "codecs/full.hpp"
#include "codecs/middle_key.hpp"
#include "codecs/stream_window.hpp"

namespace mtp::rpc {

/// Deciphers and cuts into frames what was read. Use: `feed`, then `next` until it has no frame,
/// then `close`; bytes given to `feed` must stay valid until `close`.
class stream_reader {
 public:
  explicit stream_reader(bool verify_crc = true) noexcept : frames_{verify_crc} {}

  void feed(byte_span data);
  /// The next frame's body; valid until the next `feed` or `close`. Errors: those of
  /// `full_decoder`.
  [[nodiscard]] decoded<byte_view> next();
  void close();

  /// Everything after the last frame that `next` returned is encrypted, but for filler right behind
  /// it: the Erlang and Python proxies fill up their nonce too, and so may a peer.
  void decrypt_with(const cipher_key& key);
  /// Every frame after the last one that `next` returned carries this checksum.
  void use(checksum kind) noexcept { frames_.use(kind); }

 private:
  void decrypt_whole_blocks();
  bool skip_plain_filler();

  stream_window window_;
  /// Bytes at the front of the window that can be parsed.
  std::size_t plain_ = 0;
  std::optional<aes_cbc_decryptor> cipher_;
  /// Filler in plain may still come.
  bool expects_plain_filler_ = false;
  full_decoder frames_;
};

/// Frames and enciphers what is to be written, at once a flush.
class stream_writer {
 public:
  /// Queues a frame whose body is `head` and `tail`; their sizes add up to a multiple of 4.
  void write(byte_view head, byte_view tail = {}) { frames_.encode(head, tail, plain_); }
  [[nodiscard]] std::size_t pending() const noexcept { return plain_.size(); }
  /// What is pending, filled up to a block and enciphered (or plain, before `encrypt_with`).
  [[nodiscard]] bytes take();

  /// Everything not yet taken and all that follows is encrypted.
  void encrypt_with(const cipher_key& key) { cipher_.emplace(key.key, key.iv); }
  /// Every frame written from now on carries this checksum.
  void use(checksum kind) noexcept { frames_.use(kind); }

 private:
  bytes plain_;
  std::optional<aes_cbc_encryptor> cipher_;
  full_encoder frames_;
};

}  // namespace mtp::rpc
