// A Telegram client's side of a proxy connection, blocking: for `mtproto-proxy ping` and for tests.
#pragma once

#include <optional>

#include "codecs/client/obfuscated2.hpp"
#include "codecs/client/obfuscated_stream.hpp"
#include "codecs/telegram/dc_list.hpp"
#include "net/loop/blocking_socket.hpp"

namespace mtp::net {

/// How to speak to the proxy.
struct proxy_client_options {
  secret16 secret{};
  framing kind = framing::padded;
  dc_id dc = 2;
  /// Set: fake-TLS for that domain (then `kind` is padded).
  std::optional<std::string> tls_domain;
};

class proxy_client {
 public:
  using clock = blocking_socket::clock;

  proxy_client(blocking_socket socket, proxy_client_options options);

  /// With fake-TLS: sends a hello and checks the answer. Then queues the obfuscated2 header, which
  /// goes out with the first packet, as real clients do. Errors tell what the proxy did instead.
  [[nodiscard]] tl::expected<void, std::string> handshake(clock::time_point deadline);

  [[nodiscard]] tl::expected<void, std::string> send(byte_view packet, bool ask_quick_ack,
                                                     clock::time_point deadline);

  /// A packet, or a quick ack.
  struct received {
    bytes packet;
    std::optional<std::uint32_t> quick_ack;
  };
  /// The error "closed" means that the proxy ended the connection.
  [[nodiscard]] tl::expected<received, std::string> receive(clock::time_point deadline);

  [[nodiscard]] blocking_socket& socket() noexcept { return socket_; }

  /// A larger packet is refused: more than any Telegram client takes.
  static constexpr std::size_t max_packet = std::size_t{64} * 1024 * 1024;

 private:
  [[nodiscard]] byte_span read_buffer();
  [[nodiscard]] tl::expected<void, std::string> tls_handshake(clock::time_point deadline);

  blocking_socket socket_;
  proxy_client_options options_;
  std::optional<obfuscated_reader> reader_;
  std::optional<obfuscated_writer> writer_;
  /// Sent in front of the next packet.
  bytes unsent_;
  /// Empty until something is read.
  bytes buffer_;
};

}  // namespace mtp::net
