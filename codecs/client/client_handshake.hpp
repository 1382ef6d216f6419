// The client's bytes before its first packet, from the first byte to the keys of its two streams: a
// 64-byte obfuscated2 header, alone or inside fake-TLS. Pure: the caller has randomness and the
// clock, and decides which clients are let in.
#pragma once

#include <variant>

#include "codecs/base/dc_id.hpp"
#include "codecs/client/obfuscated2.hpp"
#include "codecs/client/obfuscated_stream.hpp"
#include "codecs/client/tls_server_hello.hpp"

namespace mtp {

class client_handshake {
 public:
  struct options {
    secret16 secret{};
    /// Set: fake-TLS clients use secrets derived from `secret`, this salt and their SNI.
    std::optional<std::string> per_sni_salt;
  };

  /// More bytes are needed.
  struct incomplete {};
  /// A ClientHello made with our secret, whatever else it says. Next: `answer`, then `feed` again.
  struct hello_received {
    /// Its readable parts. Valid until `answer`.
    const client_hello* hello = nullptr;
    /// The client's clock, Unix seconds.
    std::uint32_t client_time = 0;
  };
  /// Done; the handshake object is of no more use.
  struct established {
    framing kind = framing::padded;
    dc_id dc = 0;
    bool tls = false;
    std::string sni;
    /// Key and IV material of the header (bytes 8..55), for the replay check.
    std::array<std::uint8_t, 48> header_key{};
    /// Already holds the bytes that came after the header.
    obfuscated_reader reader;
    obfuscated_writer writer;
  };
  using step = std::variant<incomplete, hello_received, established>;

  explicit client_handshake(options opts) : options_{std::move(opts)} {}

  /// Takes the connection's next bytes (none, to go on after `answer`). Errors:
  /// tls_bad_client_hello, tls_invalid_digest, tls_bad_record, unknown_protocol.
  [[nodiscard]] result<step> feed(byte_view data);

  /// The answer to a hello; it must be sent in one write.
  [[nodiscard]] bytes answer(const server_flight_plan& plan, const server_flight_random& random);

  /// What the connection can still be.
  enum class opening : std::uint8_t {
    /// Anything: there are no bytes yet, or as few as a ClientHello and a header may share.
    open,
    hello,
    header
  };
  [[nodiscard]] opening opened_with() const noexcept {
    if (stage_ == stage::start) return opening::open;
    return stage_ == stage::hello || records_ ? opening::hello : opening::header;
  }
  /// Whether its first bytes were those of a ClientHello.
  [[nodiscard]] bool is_tls() const noexcept { return opened_with() == opening::hello; }
  /// A hello was answered: what comes is not taken for one any more.
  [[nodiscard]] bool is_answered() const noexcept { return records_.has_value(); }
  /// Bytes have come behind the hello, before its answer.
  [[nodiscard]] bool has_more_than_hello() const noexcept { return raw_.size() > hello_size_; }
  /// The server name of a hello, received or refused, until the end; empty if it had none or could
  /// not be read.
  [[nodiscard]] std::string_view sni() const noexcept { return hello_.sni; }
  /// Bytes of memory for input that is held.
  [[nodiscard]] std::size_t held() const noexcept { return raw_.capacity() + inner_.capacity(); }

 private:
  enum class stage : std::uint8_t { start, hello, header };

  [[nodiscard]] result<step> read_hello();
  [[nodiscard]] std::optional<std::uint32_t> authenticate(byte_view record);
  [[nodiscard]] errc why_refused(byte_view record);
  [[nodiscard]] result<step> read_header();
  void drop_raw(std::size_t size);

  options options_;
  stage stage_ = stage::start;
  /// Input that is not parsed yet: at most a record of a hello and one read.
  bytes raw_;
  /// The first record was looked at by itself.
  bool looked_at_record_ = false;
  client_hello_assembler assembler_;
  std::size_t hello_size_ = 0;
  client_hello hello_;
  /// With fake-TLS, from the answer on: the record reader, and the bytes of the inner stream that
  /// have come.
  std::optional<tls_record_reader> records_;
  bytes inner_;
};

}  // namespace mtp
