#include "net/node_link/link_scribe.hpp"

#include <spdlog/spdlog.h>

#include <caf/actor_system.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/make_counted.hpp>

#include "net/loop/socket_address.hpp"
#include "net/node_link/link_stream.hpp"

namespace mtp::net {

namespace {

using caf::io::network::default_multiplexer;

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
  ~link_scribe() override { stream_.session().finish(); }

  /// The broker calls this for each payload and for the header after it.
  void configure_read(caf::io::receive_policy::config config) override {
    forget_unsendable();
    expects_header_ = !expects_header_;
    if (config.second > max_basp_payload) {
      refuse("announced a message of " + std::to_string(config.second) + " bytes");
      return;
    }
    stream_.expect(config.second);
    stream_.start(this);
  }
  bool consume(caf::execution_unit* context, const void* data, std::size_t size) override {
    if (!expects_header_ || !is_empty_handshake({static_cast<const std::uint8_t*>(data), size}))
      return scribe::consume(context, data, size);
    refuse("sent an empty BASP handshake");
    return true;  // the end would go unnoticed otherwise
  }
  /// BASP's broker never asks for it.
  void ack_writes(bool) override {}
  std::vector<char>& wr_buf() override { return stream_.outgoing(); }
  std::vector<char>& rd_buf() override { return stream_.incoming(); }
  void flush() override { stream_.flush(this); }

  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }

  [[nodiscard]] std::string addr() const override { return to_string(remote_.ip); }
  [[nodiscard]] std::uint16_t port() const override { return remote_.port; }

  void add_to_loop() override { stream_.start(this); }
  void remove_from_loop() override { stream_.stop(); }

 private:
  /// Bytes sent between the end of a link and the broker's hearing of it go to CAF's buffer for
  /// unknown connections, which is never read or emptied.
  void forget_unsendable() {
    if (std::exchange(has_begun_, true)) return;
    auto& lost = parent()->wr_buf(caf::io::connection_handle{});
    lost.clear();
    lost.shrink_to_fit();
  }

  /// The stream goes on to read what it expected; it finds the end when it does.
  void refuse(const std::string& why) {
    // The session's owner tells the operator, by name and not for each connection.
    spdlog::debug("node link: {} ({}) {}; closing", stream_.session().peer_name(),
                  to_string(remote_), why);
    stream_.session().cut("it " + why);
  }

  const endpoint remote_;
  /// Of what comes next. Before the first `configure_read`, nothing does.
  bool expects_header_ = false;
  bool has_begun_ = false;
  link_stream stream_;
};

}  // namespace

caf::io::scribe_ptr make_link_scribe(caf::actor_system& system, link_transport transport) {
  auto& mpx = dynamic_cast<default_multiplexer&>(system.middleman().backend());
  return caf::make_counted<link_scribe>(mpx, std::move(transport).take());
}

}  // namespace mtp::net
