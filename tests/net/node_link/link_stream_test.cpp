// A link's socket on CAF's multiplexer, without BASP.
#include "net/node_link/link_stream.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <functional>
#include <future>
#include <thread>

#include "tests/support/process.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;
using caf::io::network::default_multiplexer;
using caf::io::network::operation;
using test::eventually;

/// In place of CAF's scribe. Of the multiplexer's thread, but for what is atomic.
class counting_owner final : public caf::io::network::stream_manager {
 public:
  counting_owner(default_multiplexer& mpx, link_transport::parts parts)
      : stream{mpx, std::move(parts)} {}
  counting_owner(const counting_owner&) = delete;
  counting_owner& operator=(const counting_owner&) = delete;
  counting_owner(counting_owner&&) = delete;
  counting_owner& operator=(counting_owner&&) = delete;
  ~counting_owner() override { stream.session().finish(); }

  bool consume(caf::execution_unit*, const void*, std::size_t size) override {
    consumed += size;
    return true;
  }
  void data_transferred(caf::execution_unit*, std::size_t, std::size_t) override {}
  void graceful_shutdown() override {
    stream.graceful_shutdown();
    stream.stop();
  }
  void remove_from_loop() override { stream.stop(); }
  void add_to_loop() override {}
  void detach_from(caf::io::abstract_broker*) override {}
  caf::message detach_message() override { return {}; }
  [[nodiscard]] std::string addr() const override { return {}; }
  [[nodiscard]] std::uint16_t port() const override { return 0; }

  std::size_t consumed = 0;
  link_stream stream;
};

struct system_config : caf::actor_system_config {
  system_config() { load<caf::io::middleman>(); }
};

struct stream_fixture {
  stream_fixture() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    peer = unique_fd{fds[1]};
    link_transport transport{unique_fd{fds[0]}, nullptr, {}};
    session = transport.session();
    in_loop([&] { owner = caf::make_counted<counting_owner>(mpx, std::move(transport).take()); });
  }
  stream_fixture(const stream_fixture&) = delete;
  stream_fixture& operator=(const stream_fixture&) = delete;
  stream_fixture(stream_fixture&&) = delete;
  stream_fixture& operator=(stream_fixture&&) = delete;
  ~stream_fixture() {
    session->cut("the test is over");
    in_loop([&] {
      if (owner != nullptr) owner->stream.stop();
    });
    drop_owner();
  }

  /// Does it on the multiplexer's thread, now.
  void in_loop(const std::function<void()>& action) const {
    std::promise<void> done;
    mpx.post([&] {
      action();
      done.set_value();
    });
    done.get_future().wait();
  }
  void write(std::size_t size) {
    in_loop([&] {
      owner->stream.outgoing().resize(owner->stream.outgoing().size() + size);
      owner->stream.flush(owner);
    });
  }
  /// As the broker does when it closes a connection.
  void close() {
    in_loop([&] { owner->graceful_shutdown(); });
    drop_owner();
  }
  void drop_owner() {
    in_loop([&] { owner.reset(); });
  }
  std::size_t read(std::size_t size) const {
    bytes into(size);
    const auto got = ::recv(peer.get(), into.data(), into.size(), 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }

  system_config config;
  caf::actor_system system{config};
  default_multiplexer& mpx = dynamic_cast<default_multiplexer&>(system.middleman().backend());
  unique_fd peer;
  std::shared_ptr<link_session> session;
  caf::intrusive_ptr<counting_owner> owner;
};

TEST_CASE_FIXTURE(stream_fixture, "link stream: what is written before the end arrives") {
  constexpr std::size_t size = 3'000'000;
  write(size);
  close();
  std::size_t got = 0;
  REQUIRE(eventually([&] { return (got += read(size)) == size; }, 5s));
  CHECK(eventually([&] { return session->ended().has_value(); }, 5s));
}

TEST_CASE_FIXTURE(stream_fixture, "link stream: a peer that takes its last bytes slowly is cut") {
  write(20'000'000);
  close();
  const auto begun = std::chrono::steady_clock::now();
  // At this pace it would take minutes.
  REQUIRE(eventually(
      [&] {
        static_cast<void>(read(4096));
        return session->ended().has_value();
      },
      10s));
  CHECK(session->ended() == "it takes its last bytes too slowly");
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE_FIXTURE(stream_fixture,
                  "link stream: what waits for a peer that does not read is bounded") {
  write(max_unsent / 2);
  CHECK(session->trouble().empty());
  write(max_unsent);
  CHECK(session->trouble() == "it does not read what it asks for");
}

TEST_CASE_FIXTURE(stream_fixture,
                  "link stream: it is there until the multiplexer has let go of it") {
  write(20'000'000);
  auto* const last = &owner->stream;
  close();
  CHECK_FALSE(session->ended());
  // What default_multiplexer::handle_socket_event does if there is nothing but an error.
  bool was_there = false;
  in_loop([&] {
    auto* const handler = last;
    handler->handle_event(operation::propagate_error);
    was_there = !session->ended();
    mpx.del(operation::read, handler->fd(), handler);
    mpx.del(operation::write, handler->fd(), handler);
  });
  CHECK(was_there);
  CHECK(eventually([&] { return session->ended().has_value(); }, 5s));
}

TEST_CASE_FIXTURE(stream_fixture, "link stream: a peer that floods gets one turn a round") {
  constexpr std::size_t message = 1024;
  // One that finds the socket empty before its end, and one for the next event.
  constexpr std::size_t most = 2 * std::size_t{256} * 1024 + message;
  constexpr std::size_t total = std::size_t{256} * 1024 * 1024;
  in_loop([&] {
    owner->stream.expect(message);
    owner->stream.start(owner);
  });
  std::atomic<bool> floods = true;
  std::thread flood{[&] {
    const bytes data(std::size_t{256} * 1024);
    while (floods)
      static_cast<void>(::send(peer.get(), data.data(), data.size(), MSG_DONTWAIT));
  }};
  // A look each round, as this is posted anew in each.
  std::promise<std::size_t> result;
  struct watch {
    stream_fixture* all;
    std::promise<std::size_t>* result;
    std::size_t before = 0;
    std::size_t largest = 0;
    void operator()() {
      const auto now = all->owner->consumed;
      largest = std::max(largest, now - before);
      before = now;
      if (now > total)
        result->set_value(largest);
      else
        all->mpx.post(*this);
    }
  };
  mpx.post(watch{.all = this, .result = &result});
  const auto largest = result.get_future().get();
  floods = false;
  flood.join();
  CHECK(largest > 0);
  CHECK(largest <= most);
}

TEST_CASE_FIXTURE(stream_fixture, "link stream: told to stop before it was added, it ends") {
  // As by a broker whose timer goes off right after it was given the connection.
  in_loop([&] {
    owner->stream.expect(10);
    owner->stream.start(owner);
    owner->stream.stop();
  });
  drop_owner();
  CHECK(eventually([&] { return session->ended().has_value(); }, 5s));
}

}  // namespace
}  // namespace mtp::net
