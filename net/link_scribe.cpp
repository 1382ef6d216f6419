#include "net/link_scribe.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <caf/actor_system.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream.hpp>
#include <caf/make_counted.hpp>
#include <cerrno>
#include <system_error>

#include "net/socket_address.hpp"
#include "net/socket_options.hpp"

namespace mtp::net {

namespace {

using namespace std::chrono_literals;
using caf::io::network::default_multiplexer;
using caf::io::network::operation;
using caf::io::network::rw_state;

/// How long bytes may stay unacknowledged once the broker has closed the connection: the middleman
/// can't stop before they have gone.
constexpr auto last_bytes_timeout = 1s;

/// What caf::io::network::stream asks of a transport ("policy").
class link_io {
 public:
  explicit link_io(link_transport::parts parts)
      : fd_{parts.fd.get()},
        channel_{std::move(parts.channel)},
        session_{std::move(parts.session)} {
    // From here on it is the stream's, which closes it.
    static_cast<void>(parts.fd.release());
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] link_session& session() const noexcept { return *session_; }
  /// Bytes that OpenSSL has taken from the socket: nobody is woken up for them.
  [[nodiscard]] std::size_t pending() const noexcept {
    return channel_ != nullptr && !session_->is_failed() ? channel_->pending() : 0;
  }

  rw_state read_some(std::size_t& result, int, void* into, std::size_t size) {
    result = 0;
    if (session_->is_failed()) return rw_state::failure;
    const byte_span buffer{static_cast<std::uint8_t*>(into), size};
    const auto got = channel_ != nullptr ? channel_->read(buffer) : receive(buffer);
    if (got.next == tls_progress::failed) return fail();
    session_->count_received(got.size);
    result = got.size;
    // Nothing at the moment, for the stream, is a success of 0 bytes.
    return rw_state::success;
  }

  rw_state write_some(std::size_t& result, int, const void* from, std::size_t size) {
    result = 0;
    if (session_->is_failed()) return rw_state::failure;
    if (size == 0) return rw_state::indeterminate;
    const byte_view data{static_cast<const std::uint8_t*>(from), size};
    const auto sent = channel_ != nullptr ? channel_->write(data) : transmit(data);
    if (sent.next == tls_progress::failed) return fail();
    session_->count_sent(sent.size);
    result = sent.size;
    return rw_state::success;
  }

  /// Whether to go on although others wait for their turn: what OpenSSL has is enough for CAF.
  [[nodiscard]] bool must_read_more(int, std::size_t threshold) const noexcept {
    const auto size = pending();
    return size > 0 && size >= threshold;
  }

 private:
  tls_channel::moved receive(byte_span into) {
    const auto size = ::recv(fd_, into.data(), into.size(), 0);
    if (size > 0) return {.size = static_cast<std::size_t>(size)};
    return {.next = size < 0 ? judge(tls_progress::want_read) : tls_progress::failed};
  }

  tls_channel::moved transmit(byte_view data) {
    const auto size = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (size >= 0) return {.size = static_cast<std::size_t>(size)};
    return {.next = judge(tls_progress::want_write)};
  }

  tls_progress judge(tls_progress otherwise) {
    if (errno == EAGAIN || errno == EINTR) return otherwise;
    plain_problem_ = std::generic_category().message(errno);
    return tls_progress::failed;
  }

  /// Cutting also wakes the other direction up, which would hold the scribe otherwise for as long
  /// as the peer takes nothing.
  rw_state fail() {
    session_->cut(channel_ != nullptr ? channel_->problem() : plain_problem_);
    return rw_state::failure;
  }

  int fd_;
  std::unique_ptr<tls_channel> channel_;
  std::shared_ptr<link_session> session_;
  std::string plain_problem_ = "it closed the connection";
};

/// A handshake without a payload, which CAF 0.17.6 lets pass and then reads through a null pointer.
bool is_empty_handshake(byte_view header) {
  using caf::io::basp::message_type;
  // Type, three more bytes, length (caf/io/basp/header.hpp).
  constexpr std::size_t length_at = 4;
  if (header.size() != caf::io::basp::header_size) return false;
  const bool handshake = header[0] == static_cast<std::uint8_t>(message_type::server_handshake) ||
                         header[0] == static_cast<std::uint8_t>(message_type::client_handshake);
  return handshake && load_le<std::uint32_t>(header.subspan(length_at)) == 0;
}

class link_stream final : public caf::io::network::stream {
 public:
  link_stream(default_multiplexer& mpx, link_transport::parts parts)
      : stream{mpx, parts.fd.get()}, io_{std::move(parts)} {}

  void handle_event(operation op) override { handle_event_impl(op, io_); }

  [[nodiscard]] link_io& io() noexcept { return io_; }

 private:
  link_io io_;
};

class link_scribe final : public caf::io::scribe {
 public:
  link_scribe(default_multiplexer& mpx, link_transport::parts parts)
      : scribe{caf::io::network::conn_hdl_from_socket(parts.fd.get())},
        remote_{parts.session->remote()},
        stream_{mpx, std::move(parts)} {}
  link_scribe(const link_scribe&) = delete;
  link_scribe& operator=(const link_scribe&) = delete;
  link_scribe(link_scribe&&) = delete;
  link_scribe& operator=(link_scribe&&) = delete;
  ~link_scribe() override { stream_.io().session().finish(); }

  /// The broker calls this for each payload and for the header after it.
  void configure_read(caf::io::receive_policy::config config) override {
    expects_header_ = !expects_header_;
    if (config.second > max_basp_payload) {
      refuse("announced a message of " + std::to_string(config.second) + " bytes");
      return;
    }
    stream_.configure_read(config);
    if (!launched_) launch();
  }
  bool consume(caf::execution_unit* context, const void* data, std::size_t size) override {
    if (!expects_header_ || !is_empty_handshake({static_cast<const std::uint8_t*>(data), size}))
      return scribe::consume(context, data, size);
    refuse("sent an empty BASP handshake");
    return true;  // nobody would be told of the end otherwise
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void flush() override { stream_.flush(this); }

  void graceful_shutdown() override {
    set_user_timeout(stream_.fd(), last_bytes_timeout);
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }

  [[nodiscard]] std::string addr() const override { return to_string(remote_.ip); }
  [[nodiscard]] std::uint16_t port() const override { return remote_.port; }

  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.passivate(); }

 private:
  void launch() {
    launched_ = true;
    stream_.start(this);
    if (stream_.io().pending() == 0) return;
    // Not here: the broker is in the middle of preparing the connection.
    stream_.backend().post([self = caf::intrusive_ptr<link_scribe>{this}] {
      if (!self->detached()) self->stream_.handle_event(operation::read);
    });
  }

  /// The stream keeps its old, small policy; it finds the end when it reads next.
  void refuse(const std::string& what) {
    spdlog::warn("node link: {} {}; closing", describe(), what);
    stream_.io().session().cut("it " + what);
  }

  [[nodiscard]] std::string describe() {
    const auto& name = stream_.io().session().peer_name();
    return name.empty() ? to_string(remote_) : name + " (" + to_string(remote_) + ")";
  }

  const endpoint remote_;
  bool launched_ = false;
  /// Of what comes next. Before the first `configure_read`, nothing does.
  bool expects_header_ = false;
  link_stream stream_;
};

}  // namespace

caf::io::scribe_ptr make_link_scribe(caf::actor_system& system, link_transport transport) {
  auto& mpx = dynamic_cast<default_multiplexer&>(system.middleman().backend());
  return caf::make_counted<link_scribe>(mpx, std::move(transport).take());
}

}  // namespace mtp::net
