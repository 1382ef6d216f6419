#include "net/node_link/link_transport.hpp"

namespace mtp::net {

link_transport::link_transport(unique_fd fd, std::unique_ptr<tls_channel> channel,
                               const endpoint& remote)
    : fd_{std::move(fd)},
      channel_{std::move(channel)},
      session_{std::make_shared<link_session>(
          fd_.get(), channel_ != nullptr ? channel_->peer_name() : std::string{}, remote)} {}

link_transport::~link_transport() {
  if (session_ != nullptr) session_->finish();
}

link_transport::parts link_transport::take() && noexcept {
  return {.fd = std::move(fd_), .channel = std::move(channel_), .session = std::move(session_)};
}

}  // namespace mtp::net
