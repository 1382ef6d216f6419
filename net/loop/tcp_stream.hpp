// A non-blocking TCP connection on a reactor: what a client's connection or a DC connection reads
// and writes with.
#pragma once

#include "net/loop/byte_stream.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::net {

class tcp_stream final : public byte_stream, private io_source {
 public:
  /// Events go to `owner`, which is or belongs to `actor`. A connected socket may follow.
  tcp_stream(pinned_actor& actor, stream_owner& owner, unique_fd fd = {}) noexcept
      : actor_{&actor}, owner_{&owner}, fd_{std::move(fd)} {}
  tcp_stream(const tcp_stream&) = delete;
  tcp_stream& operator=(const tcp_stream&) = delete;
  tcp_stream(tcp_stream&&) = delete;
  tcp_stream& operator=(tcp_stream&&) = delete;
  /// The stream must be closed: a reactor still has its address otherwise.
  ~tcp_stream() override = default;

  /// Takes over a connected socket and starts reading.
  void adopt(unique_fd fd) {
    fd_ = std::move(fd);
    start();
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Hands the socket over; the stream is closed then. Nothing may be queued.
  [[nodiscard]] unique_fd release();

  // byte_stream
  void start() override;
  [[nodiscard]] bool is_open() const noexcept override { return static_cast<bool>(fd_); }
  [[nodiscard]] read_result read(byte_span into) override;
  [[nodiscard]] bool has_unread() const override;
  void want_read(bool on) override;
  void flush_later() override;
  void write_now() override;
  void reset_on_close(bool on) override;
  void close() override;

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
  bool want_write_ = false;
  /// What epoll was last told.
  std::uint32_t interest_ = 0;
  /// Chunks before `first_` are written; of that one, the first `sent_of_first_` bytes are.
  std::size_t first_ = 0;
  std::size_t sent_of_first_ = 0;
};

}  // namespace mtp::net
