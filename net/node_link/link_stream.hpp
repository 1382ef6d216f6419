// A link's socket on the thread of CAF's multiplexer. It does for BASP what
// caf::io::network::stream does for any protocol, with fewer system calls and copies: bytes
// gathered in a round of the loop are written at its end, without waiting for the socket to be
// writable, and buffers are not cleared for each message.
#pragma once

#include <array>
#include <caf/io/fwd.hpp>
#include <caf/io/network/event_handler.hpp>
#include <caf/io/network/stream_manager.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "net/node_link/link_io.hpp"

namespace mtp::net {

/// The most bytes that may wait to be written: sixteen reactors' windows on a far link
/// (codecs/node_link/link_window.hpp). Credit keeps honest nodes below it; the bound is for answers
/// that CAF gives to a peer that asks without reading. Above it the connection is cut.
inline constexpr std::size_t max_unsent = std::size_t{128} * 1024 * 1024;

/// Of the multiplexer's thread. It closes the socket.
class link_stream final : public caf::io::network::event_handler {
 public:
  using buffer = std::vector<char>;
  using clock = std::chrono::steady_clock;
  /// Receives the bytes, and the end. It holds this object, and is held by it as long as the
  /// multiplexer may call.
  using owner = caf::intrusive_ptr<caf::io::network::stream_manager>;

  link_stream(caf::io::network::default_multiplexer& mpx, link_transport::parts parts);

  [[nodiscard]] link_session& session() const noexcept { return io_.session(); }

  /// The next message has so many bytes; the owner may call it while it consumes one.
  void expect(std::size_t size) noexcept { expected_ = size; }
  /// Begins, or goes on, to read.
  void start(const owner& whose);
  /// Stops reading.
  void stop();

  /// The message that is read.
  [[nodiscard]] buffer& incoming() noexcept { return incoming_[current_]; }
  /// Bytes that wait to be written.
  [[nodiscard]] buffer& outgoing() noexcept { return waiting_; }
  void flush(const owner& whose);

  void handle_event(caf::io::network::operation op) override;
  void removed_from_loop(caf::io::network::operation op) override;
  /// Closes the writing side once all is written, or cuts the connection a second later.
  void graceful_shutdown() override;

 private:
  enum class write_turn : std::uint8_t { none, posted, when_writable };

  void prepare_message();
  void read_messages();
  void read_later();
  void write_some(const owner& whose);
  void write_when_writable();
  void end_write_turn();

  link_io io_;
  owner reader_;
  owner writer_;

  /// One for messages of the size of a header, one for all others, so that neither grows and
  /// shrinks all the time.
  std::array<buffer, 2> incoming_;
  std::size_t current_ = 0;
  std::size_t expected_ = 0;
  /// Size of the message that is read, and how much of it has come.
  std::size_t size_ = 0;
  std::size_t filled_ = 0;
  bool reads_later_ = false;

  buffer waiting_;
  buffer writing_;
  std::size_t written_ = 0;
  write_turn turn_ = write_turn::none;
  /// Set once it is to end: until when the rest may be written.
  std::optional<clock::time_point> ends_at_;
};

}  // namespace mtp::net
