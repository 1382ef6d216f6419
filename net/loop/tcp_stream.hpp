// A non-blocking TCP connection on a reactor: what a handler or a DC connection reads and writes
// with.
#pragma once

#include <vector>

#include "codecs/base/packet_buffer.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::net {

class tcp_stream;

/// Is told of its streams' events; the pinned actor that has them. Each call runs as a handler of
/// it.
class stream_owner {
 public:
  /// Bytes (or the end) can be read. Called again as long as something is left.
  virtual void on_readable(tcp_stream& stream) = 0;
  /// About to write: the last moment to `send`.
  virtual void on_flush(tcp_stream& stream) = 0;
  /// This many bytes have left for the peer; `stream.queued()` are still here. 0 if it takes none
  /// at the moment.
  virtual void on_sent(tcp_stream& stream, std::size_t size) = 0;
  /// The peer reset the connection, or writing failed (errno). Nothing more will come.
  virtual void on_broken(tcp_stream& stream, int error) = 0;

 protected:
  ~stream_owner() = default;
};

class tcp_stream final : private io_source {
 public:
  /// Events go to `owner`, which is or belongs to `actor`.
  tcp_stream(pinned_actor& actor, stream_owner& owner) noexcept : actor_{&actor}, owner_{&owner} {}
  tcp_stream(const tcp_stream&) = delete;
  tcp_stream& operator=(const tcp_stream&) = delete;
  tcp_stream(tcp_stream&&) = delete;
  tcp_stream& operator=(tcp_stream&&) = delete;
  /// The stream must be closed: a reactor still has its address otherwise.
  ~tcp_stream() override = default;

  /// Takes over a connected socket and starts reading.
  void adopt(unique_fd fd);

  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// What a read found.
  struct read_result {
    /// Bytes at the front of the buffer; 0 if there was nothing.
    std::size_t size = 0;
    /// The peer has finished sending, or the connection is broken.
    bool ended = false;
  };
  /// Reads once.
  [[nodiscard]] read_result read(byte_span into);
  /// Whether the peer's bytes are waited for; off, they stay in the kernel and slow the peer down.
  void want_read(bool on);
  [[nodiscard]] bool wants_read() const noexcept { return want_read_; }

  /// Queues bytes; they go out at the end of the loop iteration.
  void send(bytes data);
  /// Queues what a codec's writer has pending; for `on_flush`. Returns how many bytes that are.
  template <class Writer>
  std::size_t send_pending(Writer& writer) {
    if (!is_open()) return 0;
    const auto size = writer.take(queue_);
    queued_ += size;
    return size;
  }
  /// Has `on_flush` called at the end of the loop iteration.
  void flush_later();
  /// Bytes queued here (not those in the kernel).
  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }
  /// Writes what can be written right now, without `on_flush` and `on_sent`: for last words.
  void write_now();

  /// Closes; what is queued is lost. Does nothing if it is closed.
  void close();

 private:
  void on_io(std::uint32_t events) override;
  void on_flush() override;
  void write_some();
  /// Returns what has been written.
  std::size_t write_queue(int& error);
  void drop_sent(std::size_t size);
  void update_interest();

  pinned_actor* actor_;
  stream_owner* owner_;
  unique_fd fd_;
  bool want_read_ = false;
  bool want_write_ = false;
  /// What epoll was last told.
  std::uint32_t interest_ = 0;
  /// Chunks to write, from `first_` on; of that one, the first `sent_of_first_` bytes are gone.
  std::vector<chunk> queue_;
  std::size_t first_ = 0;
  std::size_t sent_of_first_ = 0;
  std::size_t queued_ = 0;
};

}  // namespace mtp::net
