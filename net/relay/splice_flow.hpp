// One direction of a relay: moves bytes from a socket to another socket without reading them.
#pragma once

#include <cstdint>
#include <optional>

#include "codecs/base/bytes.hpp"
#include "net/relay/pipe_pool.hpp"

namespace mtp::net {

/// Of its loop's thread. The sockets are the caller's and non-blocking.
class splice_flow {
 public:
  explicit splice_flow(pipe_pool& pipes) noexcept : pipes_{&pipes} {}
  splice_flow(const splice_flow&) = delete;
  splice_flow& operator=(const splice_flow&) = delete;
  splice_flow(splice_flow&&) = delete;
  splice_flow& operator=(splice_flow&&) = delete;
  ~splice_flow();

  enum class state : std::uint8_t {
    /// The source has nothing at the moment.
    wants_input,
    /// The sink takes nothing at the moment.
    wants_output,
    /// The limit is reached: more can be moved at once.
    has_more,
    /// The source has finished, and the sink was told so (FIN).
    ended,
    /// The source or the sink has failed. Nothing more can be moved.
    source_failed,
    sink_failed,
  };

  struct progress {
    state now = state::wants_input;
    /// Bytes that the sink has taken in this call.
    std::size_t moved = 0;
    /// An errno, if one of the sockets has failed.
    int error = 0;
  };

  /// Bytes that go out before those of the source.
  void send_first(byte_view head) { append(head_, head); }
  /// Moves what both sockets allow, but not much more than `limit` bytes.
  [[nodiscard]] progress move(int source, int sink, std::size_t limit);
  /// Only what `send_first` and earlier calls have left goes out; the source is not read.
  [[nodiscard]] progress push(int sink);
  /// The source has failed, as a write to it has told: that takes the error away, and it reads as
  /// if it had finished. What it has sent before can be moved still, but the sink is told of no
  /// end.
  void source_has_failed() noexcept { source_failed_ = true; }
  [[nodiscard]] bool has_ended() const noexcept { return ended_; }
  /// Bytes of memory for what waits, without those in a pipe.
  [[nodiscard]] std::size_t held() const noexcept { return head_.capacity(); }

 private:
  enum class step : std::uint8_t { moved, would_block, finished, failed };

  [[nodiscard]] step write_head(int sink, progress& so_far);
  [[nodiscard]] step write_pipe(int sink, progress& so_far);
  [[nodiscard]] step read(int source, progress& so_far);
  void drop_pipe() noexcept;

  pipe_pool* pipes_;
  /// What goes out before the pipe's bytes: the first bytes, or those that there was no pipe for.
  bytes head_;
  std::size_t sent_ = 0;
  std::optional<pipe_ends> pipe_;
  std::size_t in_pipe_ = 0;
  bool source_failed_ = false;
  bool source_ended_ = false;
  bool ended_ = false;
};

}  // namespace mtp::net
