#include "net/node_link/link_stream.hpp"

#include <sys/socket.h>

#include <caf/io/basp/header.hpp>
#include <caf/io/network/default_multiplexer.hpp>

#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

using namespace std::chrono_literals;
using caf::io::network::default_multiplexer;
using caf::io::network::operation;

/// So much is read of one link before others have their turn.
constexpr std::size_t read_turn = std::size_t{256} * 1024;

/// How long bytes may stay unsent, or unacknowledged, once the broker has closed the connection:
/// the middleman can't stop before they have gone.
constexpr auto last_bytes_timeout = 1s;

byte_view as_bytes(const std::vector<char>& buffer) {
  return {reinterpret_cast<const std::uint8_t*>(buffer.data()), buffer.size()};
}
byte_span as_bytes(std::vector<char>& buffer) {
  return {reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size()};
}

}  // namespace

link_stream::link_stream(default_multiplexer& mpx, link_transport::parts parts)
    : event_handler{mpx, parts.fd.get()},
      io_{parts.fd.get(), std::move(parts.channel), std::move(parts.session)} {
  // event_handler closes it.
  static_cast<void>(parts.fd.release());
}

void link_stream::handle_event(operation op) {
  switch (op) {
    case operation::read:
      read_messages();
      break;
    case operation::write:
      if (const auto whose = writer_) write_some(whose);
      break;
    case operation::propagate_error: {
      // The multiplexer removes both operations after this, and `removed_from_loop` lets go of the
      // owners: until then it uses this object.
      const bool is_registered = turn_ == write_turn::when_writable;
      turn_ = write_turn::none;
      const auto reader = reader_;
      const auto writer = is_registered ? writer_ : std::exchange(writer_, nullptr);
      if (reader != nullptr) reader->io_failure(&backend(), op);
      if (writer != nullptr) writer->io_failure(&backend(), op);
      break;
    }
  }
}

void link_stream::removed_from_loop(operation op) {
  if (op == operation::read)
    reader_.reset();
  else if (turn_ == write_turn::none)  // unless there is something to write again
    writer_.reset();
}

// -- reading ------------------------------------------------------------------------------------

void link_stream::start(const owner& whose) {
  if (reader_ != nullptr) return;
  reader_ = whose;
  activate();
  prepare_message();
  // TLS may have taken bytes from the socket already: epoll does not tell of them. Not here: the
  // broker is in the middle of preparing the connection.
  read_later();
}

void link_stream::stop() {
  passivate();
  if (reader_ == nullptr) return;
  // Of an addition and a removal in the same round the multiplexer carries out, and says, nothing.
  backend().post([this, whose = reader_] {
    if ((eventbf() & caf::io::network::input_mask) == 0) reader_.reset();
  });
}

void link_stream::read_later() {
  reads_later_ = true;
  backend().post([this, whose = reader_] {
    reads_later_ = false;
    if (reader_ != nullptr) read_messages();
  });
}

void link_stream::prepare_message() {
  size_ = expected_;
  filled_ = 0;
  current_ = size_ == caf::io::basp::header_size ? 0 : 1;
  if (incoming().size() < size_) incoming().resize(size_);
}

void link_stream::read_messages() {
  // Each round of the loop reads one turn, however many times reading was asked for.
  if (reads_later_) return;
  const auto whose = reader_;
  for (std::size_t turn = 0; turn < read_turn;) {
    const auto got = io_.read(as_bytes(incoming()).subspan(filled_, size_ - filled_));
    if (!got.good) {
      whose->io_failure(&backend(), operation::read);
      return passivate();
    }
    if (got.size == 0) return;
    turn += got.size;
    filled_ += got.size;
    if (filled_ < size_) continue;
    const bool goes_on = whose->consume(&backend(), incoming().data(), size_);
    prepare_message();
    if (!goes_on) return passivate();
  }
  read_later();
}

// -- writing ------------------------------------------------------------------------------------

void link_stream::flush(const owner& whose) {
  if (waiting_.size() + writing_.size() - written_ > max_unsent)
    session().cut("it does not read what it asks for");
  if (waiting_.empty() || turn_ != write_turn::none) return;
  turn_ = write_turn::posted;
  writer_ = whose;
  backend().post([this, whose] {
    if (turn_ == write_turn::posted) write_some(whose);
  });
}

void link_stream::write_some(const owner& whose) {
  // A peer that takes a few bytes now and then would hold the end of this process up.
  if (ends_at_ && clock::now() >= *ends_at_) session().cut("it takes its last bytes too slowly");
  if (written_ == writing_.size()) {
    writing_.clear();
    written_ = 0;
    writing_.swap(waiting_);
  }
  const auto sent = io_.write(as_bytes(std::as_const(writing_)).subspan(written_));
  if (!sent.good) {
    // `whose` lives as long as the caller says, whatever lets go of it now.
    end_write_turn();
    return whose->io_failure(&backend(), operation::write);
  }
  written_ += sent.size;
  if (written_ == writing_.size() && waiting_.empty()) {
    end_write_turn();
    if (ends_at_) ::shutdown(fd(), SHUT_WR);
    return;
  }
  write_when_writable();
}

void link_stream::write_when_writable() {
  if (std::exchange(turn_, write_turn::when_writable) == write_turn::posted)
    backend().add(operation::write, fd(), this);
}

void link_stream::end_write_turn() {
  if (std::exchange(turn_, write_turn::none) == write_turn::when_writable)
    backend().del(operation::write, fd(), this);
  else
    writer_.reset();
}

void link_stream::graceful_shutdown() {
  if (ends_at_) return;
  ends_at_ = clock::now() + last_bytes_timeout;
  // For one that takes nothing: nothing else would wake this up.
  set_user_timeout(fd(), last_bytes_timeout);
  if (turn_ == write_turn::none)
    ::shutdown(fd(), SHUT_WR);
  else
    // The multiplexer may stop before it looks at what is posted, but not while a socket is in it.
    write_when_writable();
}

}  // namespace mtp::net
