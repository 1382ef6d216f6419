// A middle proxy's end of RPC connections, moved by the test step by step.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "codecs/telegram/rpc_handshake.hpp"
#include "codecs/telegram/rpc_stream.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unique_fd.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::test {

/// Listens on a loopback port of its own; has one connection at a time.
class middle_proxy {
 public:
  middle_proxy() { listen({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}); }
  /// Has only a connection that another one accepted.
  explicit middle_proxy(net::unique_fd accepted) : fd_{std::move(accepted)} {}

  [[nodiscard]] endpoint at() const { return net::local_endpoint(listener_.get()); }

  void accept() {
    fd_ = accept_one();
    REQUIRE(fd_);
    net::set_no_delay(fd_.get());
  }
  /// The next connection, if there is one.
  [[nodiscard]] net::unique_fd accept_one() const {
    return net::unique_fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK)};
  }
  [[nodiscard]] int listening() const { return listener_.get(); }
  void stop_listening() { listener_ = {}; }
  void listen(const endpoint& at) {
    listener_ = net::unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int on = 1;
    setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto address = net::to_socket_address(at);
    REQUIRE(::bind(listener_.get(), address.get(), address.size) == 0);
    REQUIRE(::listen(listener_.get(), 64) == 0);
  }

  /// Bodies that arrived since the last call.
  std::vector<bytes> read() {
    // Made once: under sanitizers a new one for each call took most of the time.
    thread_local bytes raw(1 << 20);
    std::vector<bytes> bodies;
    const auto size = ::recv(fd_.get(), raw.data(), raw.size(), 0);
    if (size <= 0) return bodies;
    reader_.feed(byte_span{raw}.first(static_cast<std::size_t>(size)));
    while (true) {
      const auto frame = reader_.next();
      REQUIRE(frame);
      if (!*frame) break;
      bodies.push_back(to_bytes(**frame));
    }
    reader_.close();
    return bodies;
  }
  /// Everything as it came.
  std::size_t read_raw(std::size_t at_most) {
    bytes raw(at_most);
    const auto size = ::recv(fd_.get(), raw.data(), raw.size(), 0);
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }
  void write(byte_view body) {
    writer_.write(body);
    const auto written = writer_.take();
    // Beyond the kernel's buffers nothing is needed here.
    static_cast<void>(::send(fd_.get(), written.data(), written.size(), MSG_NOSIGNAL));
  }
  void close() { fd_ = {}; }
  [[nodiscard]] bool closed_by_peer() const {
    std::uint8_t byte = 0;
    return ::recv(fd_.get(), &byte, 1, MSG_PEEK) == 0;
  }

  void answer_nonce(byte_view secret, std::int32_t clock_skew = 0) {
    const auto bodies = read();
    REQUIRE(bodies.size() == 1);
    const auto theirs = rpc::decode_nonce(bodies[0]);
    REQUIRE(theirs);
    const rpc::nonce_message mine{.key_selector = load_le<std::uint32_t>(secret),
                                  .time = static_cast<std::uint32_t>(net::unix_time()) +
                                          static_cast<std::uint32_t>(clock_skew),
                                  .nonce = net::random_array<16>()};
    bytes encoded;
    rpc::encode_nonce(mine, encoded);
    write(encoded);
    const middle_key_input input{.server_nonce = mine.nonce,
                                 .client_nonce = theirs->nonce,
                                 .client_time = theirs->time,
                                 .server = net::local_endpoint(fd_.get()),
                                 .client = net::peer_endpoint(fd_.get()),
                                 .secret = secret};
    reader_.decrypt_with(derive_middle_key(input, key_purpose::client));
    writer_.encrypt_with(derive_middle_key(input, key_purpose::server));
  }
  void answer_handshake() {
    const auto bodies = read();
    REQUIRE(bodies.size() == 1);
    const auto theirs = rpc::decode_handshake(bodies[0]);
    REQUIRE(theirs);
    bytes encoded;
    rpc::encode_handshake({.flags = 0, .sender = {}, .peer = theirs->sender}, encoded);
    write(encoded);
  }

 private:
  net::unique_fd listener_;
  net::unique_fd fd_;
  rpc::stream_reader reader_;
  rpc::stream_writer writer_;
};

}  // namespace mtp::test
