#include "net/client/proxy_client.hpp"

#include <utility>

#include "codecs/client/tls_server_hello.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::net {

namespace {

/// Where Telegram's own clients cut their records.
constexpr std::size_t client_record = 2878;
constexpr std::size_t read_size = std::size_t{256} * 1024;
constexpr std::size_t longest_client_tail = 15;

constexpr std::array<std::uint8_t, 6> change_cipher_spec{tls_change_cipher_spec, 3, 3, 0, 1, 1};

obfuscated2_client make_header(const proxy_client_options& options) {
  while (true) {
    const auto random = random_array<obfuscated2_header_size>();
    if (options.tls_domain || !is_plain_start(random))
      return make_obfuscated2(random, options.secret, options.kind, options.dc);
  }
}

std::string explain_tls(errc code, byte_view answer) {
  if (code == errc::tls_invalid_digest)
    return "the answer is a TLS server's, not the proxy's: wrong secret or domain?";
  if (!answer.empty() && answer[0] == tls_alert)
    return "the proxy answered the hello with a TLS alert";
  return "the proxy did not answer the hello with TLS";
}

}  // namespace

proxy_client::proxy_client(blocking_socket socket, proxy_client_options options)
    : socket_{std::move(socket)}, options_{std::move(options)} {}

byte_span proxy_client::read_buffer() {
  buffer_.resize(read_size);
  return buffer_;
}

tl::expected<void, std::string> proxy_client::tls_handshake(clock::time_point deadline) {
  const auto random = random_array<client_hello_random_size>();
  const auto hello = make_client_hello(options_.secret, *options_.tls_domain,
                                       static_cast<std::uint32_t>(unix_time()), random);
  if (auto sent = socket_.send(hello, deadline); !sent) return sent;
  const auto client_random = byte_view{hello}.subspan(client_random_at, client_random_size);
  bytes answer;
  while (true) {
    const auto flight = check_server_flight(answer, client_random, options_.secret);
    if (!flight) {
      const auto reason = explain_tls(flight.error(), answer);
      return tl::unexpected{reason};
    }
    if (*flight) {
      if (**flight == answer.size()) return {};
      return tl::unexpected<std::string>{"the proxy spoke before the client did"};
    }
    const auto got = socket_.receive(read_buffer(), deadline);
    if (!got) return tl::unexpected{got.error()};
    if (*got == 0) return tl::unexpected<std::string>{"closed during the TLS handshake"};
    append(answer, byte_view{buffer_}.first(*got));
  }
}

tl::expected<void, std::string> proxy_client::handshake(clock::time_point deadline) {
  if (options_.tls_domain) {
    if (auto done = tls_handshake(deadline); !done) return done;
    append(unsent_, change_cipher_spec);
  }
  const auto outer = options_.tls_domain ? envelope::tls : envelope::none;
  auto header = make_header(options_);
  reader_.emplace(std::move(header.from_server), outer);
  writer_.emplace(std::move(header.to_server), outer);
  writer_->size_records(record_sizes{client_record});
  // The header is enciphered already: it goes out as it is, in a record of its own with fake-TLS.
  if (options_.tls_domain)
    append_tls_records(header.header, client_record, unsent_);
  else
    append(unsent_, header.header);
  return {};
}

tl::expected<void, std::string> proxy_client::send(byte_view packet, bool ask_quick_ack,
                                                   clock::time_point deadline) {
  std::array<std::uint8_t, longest_client_tail> tail;
  std::size_t tail_size = 0;
  if (options_.kind == framing::padded) {
    fill_random(tail);
    tail_size = random_between<std::size_t>(0, max_padding);
  }
  const auto padding = byte_view{tail}.first(tail_size);
  if (ask_quick_ack)
    encode_frame_asking_ack(options_.kind, packet, padding, writer_->plain());
  else
    encode_frame(options_.kind, packet, padding, writer_->plain());
  append(unsent_, writer_->take());
  const auto unsent = std::exchange(unsent_, {});
  return socket_.send(unsent, deadline);
}

tl::expected<proxy_client::received, std::string> proxy_client::receive(
    clock::time_point deadline) {
  std::size_t got = 0;
  while (true) {
    if (const auto fed = reader_->feed(byte_span{buffer_}.first(got)); !fed)
      return tl::unexpected{std::string{to_string(fed.error())}};
    const auto frame = decode_server_frame(options_.kind, reader_->view(), max_packet);
    if (!frame) return tl::unexpected{std::string{to_string(frame.error())}};
    if (*frame) {
      received answer{.packet = to_bytes((*frame)->packet), .quick_ack = (*frame)->confirm};
      reader_->consume((*frame)->consumed);
      reader_->close();
      return answer;
    }
    reader_->close();
    const auto more = socket_.receive(read_buffer(), deadline);
    if (!more) return tl::unexpected{more.error()};
    if (*more == 0) return tl::unexpected<std::string>{"closed"};
    got = *more;
  }
}

}  // namespace mtp::net
