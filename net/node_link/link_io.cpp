#include "net/node_link/link_io.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace mtp::net {

link_io::link_io(int fd, std::unique_ptr<tls_channel> channel,
                 std::shared_ptr<link_session> session)
    : fd_{fd}, channel_{std::move(channel)}, session_{std::move(session)} {
  if (channel_ != nullptr) channel_->read_ahead();
}

link_io::moved link_io::read(byte_span into) {
  if (session_->is_failed()) return {.good = false};
  const auto got = channel_ != nullptr ? channel_->read(into) : receive(into);
  if (got.next == tls_progress::failed) return fail();
  session_->count_received(got.size);
  return {.size = got.size};
}

link_io::moved link_io::write(byte_view data) {
  if (session_->is_failed()) return {.good = false};
  const auto sent = channel_ != nullptr ? channel_->write(data) : transmit(data);
  if (sent.next == tls_progress::failed) return fail();
  session_->count_sent(sent.size);
  return {.size = sent.size};
}

tls_channel::moved link_io::receive(byte_span into) {
  const auto size = ahead_.receive(fd_, into);
  if (size > 0) return {.size = static_cast<std::size_t>(size)};
  return {.next = size < 0 ? judge(tls_progress::want_read) : tls_progress::failed};
}

tls_channel::moved link_io::transmit(byte_view data) {
  const auto size = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
  if (size >= 0) return {.size = static_cast<std::size_t>(size)};
  return {.next = judge(tls_progress::want_write)};
}

tls_progress link_io::judge(tls_progress otherwise) {
  if (errno == EAGAIN || errno == EINTR) return otherwise;
  plain_problem_ = std::generic_category().message(errno);
  return tls_progress::failed;
}

/// Cutting also wakes the other direction up, which would hold the connection otherwise for as long
/// as the peer takes nothing.
link_io::moved link_io::fail() {
  session_->cut(channel_ != nullptr ? channel_->problem() : plain_problem_);
  return {.good = false};
}

}  // namespace mtp::net
