// A two-way stream of bytes on a reactor: what a client's connection reads and writes with,
// whatever carries it.
#pragma once

#include <utility>
#include <vector>

#include "codecs/base/packet_buffer.hpp"

namespace mtp::net {

class byte_stream;

/// Is told of its streams' events; the pinned actor that has them. Each call runs as a handler of
/// it.
class stream_owner {
 public:
  /// Bytes (or the end) can be read. Called again as long as something is left.
  virtual void on_readable(byte_stream& stream) = 0;
  /// About to write: the last moment to `send`.
  virtual void on_flush(byte_stream& stream) = 0;
  /// This many bytes have left for the peer; `stream.queued()` are still here. 0 if it takes none
  /// at the moment.
  virtual void on_sent(byte_stream& stream, std::size_t size) = 0;
  /// The peer reset the connection, or writing failed (errno). Nothing more will come.
  virtual void on_broken(byte_stream& stream, int error) = 0;

 protected:
  ~stream_owner() = default;
};

/// To be used only by its reactor's thread. It must be closed before it ends, if it was started.
class byte_stream {
 public:
  byte_stream(const byte_stream&) = delete;
  byte_stream& operator=(const byte_stream&) = delete;
  byte_stream(byte_stream&&) = delete;
  byte_stream& operator=(byte_stream&&) = delete;
  virtual ~byte_stream() = default;

  /// Starts reading; once. Throws `std::system_error` if the reactor can't watch it.
  virtual void start() = 0;
  [[nodiscard]] virtual bool is_open() const noexcept = 0;

  /// What a read found.
  struct read_result {
    /// Bytes at the front of the buffer; 0 if there was nothing.
    std::size_t size = 0;
    /// The peer has finished sending, or the connection is broken.
    bool ended = false;
    /// Then: an errno if it is broken.
    int error = 0;
  };
  /// Reads once.
  [[nodiscard]] virtual read_result read(byte_span into) = 0;
  /// Whether bytes, or the end, have come and have not been read.
  [[nodiscard]] virtual bool has_unread() const = 0;
  /// Whether the peer's bytes are waited for; off, they stay where they are and slow the peer down.
  virtual void want_read(bool on) = 0;
  [[nodiscard]] bool wants_read() const noexcept { return want_read_; }

  /// Queues bytes; they go out at the end of the loop iteration.
  void send(bytes data) {
    if (data.empty() || !is_open()) return;
    queued_ += data.size();
    append_chunk(queue_, std::move(data));
    flush_later();
  }
  /// Queues what a codec's writer has pending; for `on_flush`. Returns how many bytes that are.
  template <class Writer>
  std::size_t send_pending(Writer& writer) {
    if (!is_open()) return 0;
    const auto size = writer.take(queue_);
    queued_ += size;
    return size;
  }
  /// Has `on_flush` called at the end of the loop iteration.
  virtual void flush_later() = 0;
  /// Bytes queued here, without bytes that were handed on.
  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }
  /// Writes as much as the kernel takes right now, without `on_flush` and `on_sent`: for last
  /// words.
  virtual void write_now() = 0;

  /// Whether `close` ends it as a failure (TCP: a RST), so that nothing of it lingers.
  virtual void reset_on_close(bool on) = 0;
  /// Closes; queued bytes are lost. Does nothing if it is closed.
  virtual void close() = 0;

 protected:
  byte_stream() = default;

  bool want_read_ = false;
  /// Chunks to write, and how many bytes of them have not been written.
  std::vector<chunk> queue_;
  std::size_t queued_ = 0;
};

}  // namespace mtp::net
