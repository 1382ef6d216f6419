#include "net/loop/tcp_stream.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include "net/loop/bound_port.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

/// An actor with one stream, which does what the test tells it.
class holder final : public pinned_actor, private stream_owner {
 public:
  struct journal {
    bytes received;
    bool ended = false;
    std::size_t sent = 0;
    int flushes = 0;
    std::optional<int> broken;
    tcp_stream* stream = nullptr;
  };

  holder(caf::actor_config& cfg, reactor& home, journal& log,
         std::function<void(tcp_stream&)> begin)
      : pinned_actor{cfg, home}, log_{&log}, begin_{std::move(begin)}, stream_{*this, *this} {}

 private:
  caf::behavior start() override {
    log_->stream = &stream_;
    begin_(stream_);
    return {[this](const std::string& command) {
      if (command == "close") stream_.close();
      if (command == "pause") stream_.want_read(false);
      if (command == "resume") stream_.want_read(true);
    }};
  }
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(timer&) override {}
  void stopped() override { stream_.close(); }

  void on_readable(byte_stream& stream) override {
    const auto buffer = home().scratch();
    const auto got = stream.read(buffer);
    append(log_->received, buffer.first(got.size));
    if (!got.ended) return;
    log_->ended = true;
    stream.close();
  }
  void on_flush(byte_stream&) override { ++log_->flushes; }
  void on_sent(byte_stream&, std::size_t size) override { log_->sent += size; }
  void on_broken(byte_stream& stream, int error) override {
    log_->broken = error;
    stream.close();
  }

  journal* log_;
  std::function<void(tcp_stream&)> begin_;
  tcp_stream stream_;
};

/// Both ends of a connection: ours for a stream, the other for the test.
struct connection {
  connection() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    ours = unique_fd{fds[0]};
    theirs = unique_fd{fds[1]};
  }
  unique_fd ours;
  unique_fd theirs;
};

bytes read_all(int fd) {
  bytes received;
  bytes buffer(1 << 16);
  while (true) {
    const auto size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) return received;
    append(received, byte_view{buffer}.first(static_cast<std::size_t>(size)));
  }
}

bytes some_bytes(std::size_t size) {
  bytes filled(size);
  fill_random(filled);
  return filled;
}

TEST_CASE("what is sent in one turn leaves in one flush, in order") {
  test::manual_node node;
  connection both;
  holder::journal log;
  const auto first = some_bytes(100);
  const auto second = some_bytes(50'000);
  const auto actor = spawn_pinned<holder>(*node.core.reactors[0], std::ref(log),
                                          std::function{[&](tcp_stream& stream) {
                                            stream.adopt(std::move(both.ours));
                                            stream.send(first);
                                            stream.send(second);
                                          }});
  node.settle();
  CHECK(log.flushes == 1);
  CHECK(log.sent == first.size() + second.size());
  auto expected = first;
  append(expected, second);
  CHECK(read_all(both.theirs.get()) == expected);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

TEST_CASE("a peer that does not read holds bytes back, and gets every one when it does") {
  test::manual_node node;
  connection both;
  holder::journal log;
  const auto data = some_bytes(4'000'000);
  const auto actor = spawn_pinned<holder>(
      *node.core.reactors[0], std::ref(log), std::function{[&](tcp_stream& stream) {
        stream.adopt(std::move(both.ours));
        for (std::size_t at = 0; at < data.size(); at += 40'000)
          stream.send(to_bytes(byte_view{data}.subspan(at, 40'000)));
      }});
  node.settle();
  CHECK(log.sent < data.size());
  CHECK(log.stream->queued() == data.size() - log.sent);
  bytes got;
  while (got.size() < data.size()) {
    const auto more = read_all(both.theirs.get());
    append(got, more);
    node.settle();
  }
  CHECK(got == data);
  CHECK(log.sent == data.size());
  CHECK(log.stream->queued() == 0);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

TEST_CASE("reading pauses and goes on, and the end is told after the last byte") {
  test::manual_node node;
  connection both;
  holder::journal log;
  const auto actor = spawn_pinned<holder>(
      *node.core.reactors[0], std::ref(log),
      std::function{[&](tcp_stream& stream) { stream.adopt(std::move(both.ours)); }});
  node.settle();
  caf::anon_send(actor, std::string{"pause"});
  node.settle();
  const auto data = some_bytes(1000);
  REQUIRE(::send(both.theirs.get(), data.data(), data.size(), 0) == 1000);
  ::shutdown(both.theirs.get(), SHUT_WR);
  node.settle();
  CHECK(log.received.empty());
  caf::anon_send(actor, std::string{"resume"});
  node.settle();
  CHECK(log.received == data);
  CHECK(log.ended);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

TEST_CASE("a connection broken while nobody reads is told at once, and once") {
  test::manual_node node;
  holder::journal log;
  const auto port = bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
  REQUIRE(port);
  unique_fd ours{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto to = to_socket_address(port->where());
  REQUIRE(::connect(ours.get(), to.get(), to.size) == 0);
  const auto actor = spawn_pinned<holder>(
      *node.core.reactors[0], std::ref(log),
      std::function{[&](tcp_stream& stream) { stream.adopt(std::move(ours)); }});
  node.settle();
  unique_fd peer{::accept(port->socket(0), nullptr, nullptr)};
  REQUIRE(peer);
  caf::anon_send(actor, std::string{"pause"});
  node.settle();
  set_reset_on_close(peer.get(), true);
  peer = {};
  node.settle();
  REQUIRE(log.broken);
  CHECK(*log.broken == ECONNRESET);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

}  // namespace
}  // namespace mtp::net
