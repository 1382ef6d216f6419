#include "net/relay/splice_flow.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace mtp::net {

namespace {

/// Bytes that are taken at once.
constexpr std::size_t piece = pipe_pool::largest_size;
/// Bytes that are read at once where there is no pipe to be had.
constexpr std::size_t copied_piece = std::size_t{4} * 1024;

bool is_for_now(int error) noexcept {
  return error == EAGAIN || error == EINTR;
}

}  // namespace

splice_flow::~splice_flow() {
  drop_pipe();
}

void splice_flow::drop_pipe() noexcept {
  if (!pipe_) return;
  if (in_pipe_ == 0)
    pipes_->give_back(std::move(*pipe_));
  else
    pipes_->lose(*pipe_);
  pipe_.reset();
}

splice_flow::progress splice_flow::push(int sink) {
  progress so_far;
  while (!ended_) {
    step next = step::finished;
    if (sent_ < head_.size())
      next = write_head(sink, so_far);
    else if (in_pipe_ > 0)
      next = write_pipe(sink, so_far);
    if (next == step::moved) continue;
    if (next == step::would_block) so_far.now = state::wants_output;
    if (next == step::failed) so_far.now = state::sink_failed;
    if (next != step::finished || !source_ended_) return so_far;
    // A connection that is gone by now has no use for it.
    static_cast<void>(::shutdown(sink, SHUT_WR));
    ended_ = true;
  }
  so_far.now = state::ended;
  return so_far;
}

splice_flow::progress splice_flow::move(int source, int sink, std::size_t limit) {
  progress total;
  while (true) {
    const auto pushed = push(sink);
    total.moved += pushed.moved;
    total.now = pushed.now;
    total.error = pushed.error;
    if (total.now != state::wants_input) return total;
    if (total.moved >= limit) {
      drop_pipe();
      total.now = state::has_more;
      return total;
    }
    const auto next = read(source, total);
    if (next == step::failed) total.now = state::source_failed;
    if (next == step::failed || next == step::would_block) return total;
  }
}

splice_flow::step splice_flow::write_head(int sink, progress& so_far) {
  const auto rest = byte_view{head_}.subspan(sent_);
  const auto size = ::send(sink, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (size < 0) {
    if (is_for_now(errno)) return step::would_block;
    so_far.error = errno;
    return step::failed;
  }
  sent_ += static_cast<std::size_t>(size);
  so_far.moved += static_cast<std::size_t>(size);
  if (sent_ == head_.size()) {
    bytes{}.swap(head_);
    sent_ = 0;
  }
  return step::moved;
}

splice_flow::step splice_flow::write_pipe(int sink, progress& so_far) {
  const auto size = ::splice(pipe_->out.get(), nullptr, sink, nullptr, in_pipe_,
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (size <= 0) {
    if (size < 0 && is_for_now(errno)) return step::would_block;
    so_far.error = size < 0 ? errno : EPIPE;
    return step::failed;
  }
  in_pipe_ -= static_cast<std::size_t>(size);
  so_far.moved += static_cast<std::size_t>(size);
  return step::moved;
}

splice_flow::step splice_flow::read(int source, progress& so_far) {
  if (!pipe_) pipe_ = pipes_->take();
  if (pipe_) {
    const auto size = ::splice(source, nullptr, pipe_->in.get(), nullptr, piece,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (size > 0) {
      in_pipe_ = static_cast<std::size_t>(size);
      return step::moved;
    }
    const int error = errno;
    drop_pipe();
    if (size < 0 && !is_for_now(error)) {
      so_far.error = error;
      return step::failed;
    }
    // If something is left that splice does not move, the loop calls again at once.
    if (size < 0 && so_far.moved > 0) return step::would_block;
  }
  // Without a pipe; and after one, as splice stops for good at an urgent mark of TCP.
  head_.resize(copied_piece);
  const auto size = ::recv(source, head_.data(), head_.size(), 0);
  const int error = size < 0 ? errno : 0;
  head_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size > 0) return step::moved;
  bytes{}.swap(head_);
  if (size == 0) {
    if (source_failed_) return step::would_block;
    source_ended_ = true;
    return step::moved;
  }
  if (is_for_now(error)) return step::would_block;
  so_far.error = error;
  return step::failed;
}

}  // namespace mtp::net
