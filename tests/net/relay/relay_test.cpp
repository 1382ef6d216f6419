#include "net/relay/relay.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include <rapidcheck.h>

#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "tests/support/property.hpp"
#include "tests/support/test_loop.hpp"

namespace mtp::net {
namespace {

using test::test_loop;

bytes of(std::string_view text) {
  return to_bytes(as_bytes(text));
}

/// A TCP connection over loopback.
struct connection {
  connection() {
    const unique_fd listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto any = to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
    REQUIRE(::bind(listening.get(), any.get(), any.size) == 0);
    REQUIRE(::listen(listening.get(), 1) == 0);
    const auto at = to_socket_address(local_endpoint(listening.get()));
    theirs = unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(theirs.get(), at.get(), at.size) == 0);
    ours = unique_fd{::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    REQUIRE(ours);
    set_no_delay(theirs.get());
    set_no_delay(ours.get());
  }

  void send(byte_view data) const {
    REQUIRE(::send(theirs.get(), data.data(), data.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(data.size()));
  }
  void send(std::string_view text) const { send(as_bytes(text)); }
  void finish() const { REQUIRE(::shutdown(theirs.get(), SHUT_WR) == 0); }
  void reset() {
    set_reset_on_close(theirs.get(), true);
    theirs = {};
  }

  unique_fd ours;
  unique_fd theirs;
};

/// What a peer has read: bytes, and then perhaps the end or an error.
struct heard {
  bytes data;
  bool ended = false;
  int error = 0;

  void listen(int fd) {
    bytes buffer(65536);
    while (!ended && error == 0) {
      const auto size = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size > 0) append(data, byte_view{buffer}.first(static_cast<std::size_t>(size)));
      if (size == 0) ended = true;
      if (size < 0 && errno == EAGAIN) return;
      if (size < 0) error = errno;
    }
  }
};

struct fixture : relay_owner {
  // As the proxy does.
  fixture() { static_cast<void>(std::signal(SIGPIPE, SIG_IGN)); }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  virtual ~fixture() {
    subject.close();
    loop.turn();
  }

  void on_far_speaks() override {
    ++spoke;
    if (joins_when_far_speaks) subject.attach_near(std::move(near.ours));
  }
  void on_relay_over(int error) override { over = error; }

  void join() {
    subject.attach_near(std::move(near.ours));
    subject.attach_far(std::move(far.ours));
  }
  /// Turns the loop until it holds; false after a while.
  template <class Predicate>
  bool soon(Predicate&& holds) {
    for (int i = 0; i < 10'000; ++i) {
      loop.turn();
      if (near.theirs) at_near.listen(near.theirs.get());
      if (far.theirs && reads_far) at_far.listen(far.theirs.get());
      if (holds()) return true;
      ::usleep(100);
    }
    return false;
  }
  void turn() {
    static_cast<void>(soon([n = 0]() mutable { return ++n == 20; }));
  }

  test_loop loop;
  pipe_pool pipes;
  connection near;
  connection far;
  heard at_near;
  heard at_far;
  bool reads_far = true;
  bool joins_when_far_speaks = false;
  int spoke = 0;
  std::optional<int> over;
  relay subject{loop, pipes, *this};
};

TEST_CASE_FIXTURE(fixture, "relay: bytes both ways, then both ends finish") {
  join();
  near.send("question");
  CHECK(soon([&] { return at_far.data == of("question"); }));
  far.send("answer");
  CHECK(soon([&] { return at_near.data == of("answer"); }));
  CHECK(subject.to_far() == 8);
  CHECK(subject.to_near() == 6);
  CHECK(spoke == 1);

  far.finish();
  CHECK(soon([&] { return at_near.ended; }));
  CHECK_FALSE(over);
  near.send("late");
  CHECK(soon([&] { return at_far.data == of("questionlate"); }));
  near.finish();
  CHECK(soon([&] { return over == 0; }));
  CHECK(soon([&] { return at_far.ended; }));
  CHECK(pipes.kept() <= 2);
}

TEST_CASE_FIXTURE(fixture, "relay: a client that has finished still hears the answer") {
  join();
  near.send("GET / HTTP/1.0\r\n\r\n");
  near.finish();
  CHECK(soon([&] { return at_far.ended; }));
  CHECK_FALSE(at_near.ended);
  far.send("page");
  far.finish();
  CHECK(soon([&] { return at_near.ended; }));
  CHECK(at_near.data == of("page"));
  CHECK(over == 0);
}

TEST_CASE_FIXTURE(fixture, "relay: a reset of either end is a reset for the other") {
  join();
  SUBCASE("the site's, and what it had said before arrives") {
    far.send("alert");
    far.reset();
    CHECK(soon([&] { return at_near.error == ECONNRESET; }));
    CHECK(at_near.data == of("alert"));
  }
  SUBCASE("the site's, found when the client's bytes are passed on") {
    far.send("alert");
    near.send("more");
    far.reset();
    CHECK(soon([&] { return at_near.ended || at_near.error != 0; }));
    CHECK(at_near.error == ECONNRESET);
    CHECK(at_near.data == of("alert"));
  }
  SUBCASE("the client's") {
    near.send("hello");
    CHECK(soon([&] { return !at_far.data.empty(); }));
    near.reset();
    CHECK(soon([&] { return at_far.error == ECONNRESET; }));
  }
  SUBCASE("the client's, after the site has finished") {
    far.finish();
    CHECK(soon([&] { return at_near.ended; }));
    near.reset();
    CHECK(soon([&] { return at_far.error == ECONNRESET; }));
  }
  REQUIRE(over);
  CHECK(*over != 0);
}

TEST_CASE_FIXTURE(fixture, "relay: a client that resets before the site is reached") {
  subject.send_to_far(of("hello"));
  subject.attach_near(std::move(near.ours));
  near.reset();
  CHECK(soon([&] { return over == ECONNRESET; }));
}

TEST_CASE_FIXTURE(fixture, "relay: first bytes go before all others") {
  subject.send_to_far(of("first "));
  subject.send_to_far(of("second "));
  near.send("third");
  join();
  CHECK(soon([&] { return at_far.data == of("first second third"); }));
  CHECK(subject.to_far() == 18);
}

TEST_CASE_FIXTURE(fixture, "relay: the near end may come when the far end has spoken") {
  joins_when_far_speaks = true;
  subject.send_to_far(of("half a hello"));
  subject.attach_far(std::move(far.ours));
  CHECK(soon([&] { return at_far.data == of("half a hello"); }));
  CHECK(spoke == 0);
  subject.send_to_far(of(", more"));
  CHECK(soon([&] { return at_far.data == of("half a hello, more"); }));
  SUBCASE("with bytes") {
    far.send("alert");
    CHECK(soon([&] { return at_near.data == of("alert"); }));
  }
  SUBCASE("with its end") {
    far.finish();
    CHECK(soon([&] { return at_near.ended; }));
  }
  SUBCASE("with a reset") {
    far.reset();
    CHECK(soon([&] { return at_near.error == ECONNRESET; }));
  }
  CHECK(spoke == 1);
}

TEST_CASE_FIXTURE(fixture, "relay: without a near end the far end is told of once") {
  subject.attach_far(std::move(far.ours));
  far.send("banner");
  CHECK(soon([&] { return spoke == 1; }));
  turn();
  CHECK(spoke == 1);
  CHECK_FALSE(over);
}

TEST_CASE_FIXTURE(fixture, "relay: an end that reads nothing stops the other, and nothing spins") {
  join();
  reads_far = false;
  const bytes piece(65536, 7);
  std::size_t sent = 0;
  for (int idle = 0; idle < 50; ++idle) {
    const auto size =
        ::send(near.theirs.get(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      idle = 0;
    }
    loop.turn();
    ::usleep(1000);
  }
  // What the kernel's buffers hold, and a pipe.
  CHECK(sent < std::size_t{32} * 1024 * 1024);
  CHECK(subject.held() == 0);

  far.finish();
  CHECK(soon([&] { return at_near.ended; }));
  near.finish();
  SUBCASE("it reads on") {
    reads_far = true;
    CHECK(soon([&] { return at_far.ended; }));
    CHECK(at_far.data.size() == sent);
    CHECK(over == 0);
  }
  SUBCASE("it resets") {
    far.reset();
    CHECK(soon([&] { return over.has_value() && *over != 0; }));
  }
}

TEST_CASE_FIXTURE(fixture, "relay: urgent data of TCP neither stops it nor loses what follows") {
  join();
  near.send("GET /");
  CHECK(soon([&] { return at_far.data == of("GET /"); }));
  REQUIRE(::send(near.theirs.get(), "X", 1, MSG_OOB) == 1);
  near.send("defgh");
  CHECK(soon([&] { return at_far.data == of("GET /defgh"); }));
  near.send("more");
  near.finish();
  CHECK(soon([&] { return at_far.ended; }));
  CHECK(at_far.data == of("GET /defghmore"));
}

/// Descriptors that this process may not have more of.
class no_descriptors {
 public:
  no_descriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const unique_fd next{::dup(0)};
    auto none = before_;
    none.rlim_cur = static_cast<rlim_t>(next.get());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;
  no_descriptors(no_descriptors&&) = delete;
  no_descriptors& operator=(no_descriptors&&) = delete;
  ~no_descriptors() { static_cast<void>(::setrlimit(RLIMIT_NOFILE, &before_)); }

 private:
  rlimit before_{};
};

TEST_CASE_FIXTURE(fixture, "relay: without descriptors for pipes it copies") {
  join();
  const no_descriptors limit;
  near.send("question");
  CHECK(soon([&] { return at_far.data == of("question"); }));
  far.send("answer");
  far.finish();
  CHECK(soon([&] { return at_near.ended; }));
  CHECK(at_near.data == of("answer"));
  CHECK(subject.held() < std::size_t{64} * 1024);
}

TEST_CASE_FIXTURE(fixture,
                  "relay: a pipe is given back with the last byte, however many there were") {
  join();
  // What is moved in one turn at most, and not.
  for (const std::size_t size : {std::size_t{1000}, std::size_t{256} * 1024}) {
    bytes data(size);
    fill_random(data);
    const auto before = at_far.data.size();
    std::size_t sent = 0;
    CHECK(soon([&] {
      const auto taken =
          ::send(near.theirs.get(), data.data() + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (taken > 0) sent += static_cast<std::size_t>(taken);
      return at_far.data.size() == before + size;
    }));
    turn();
    CHECK(pipes.kept() == 1);
  }
}

TEST_CASE("relay: both ends send and pause as they like, and all arrives") {
  test::check_property([] {
    fixture world;
    world.join();
    struct direction {
      connection* from;
      heard* to;
      bytes data;
      std::size_t sent = 0;
    };
    std::array<direction, 2> ways{direction{&world.near, &world.at_far, {}, 0},
                                  direction{&world.far, &world.at_near, {}, 0}};
    for (auto& way : ways) {
      way.data.resize(*rc::gen::inRange<std::size_t>(0, 600'000));
      fill_random(way.data);
    }
    const auto steps = *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint32_t>>>(
        60, rc::gen::arbitrary<std::pair<std::uint8_t, std::uint32_t>>());
    for (const auto& [kind, amount] : steps) {
      auto& way = ways.at(kind % 2);
      const auto size = std::min<std::size_t>(way.data.size() - way.sent, amount % 200'000);
      const auto taken = ::send(way.from->theirs.get(), way.data.data() + way.sent, size,
                                MSG_DONTWAIT | MSG_NOSIGNAL);
      if (taken > 0) way.sent += static_cast<std::size_t>(taken);
      // One of them, or both, or none, take something.
      for (int turns = kind % 5; turns > 0; --turns)
        world.loop.turn();
      if ((kind & 0x20) != 0) world.at_far.listen(world.far.theirs.get());
      if ((kind & 0x40) != 0) world.at_near.listen(world.near.theirs.get());
    }
    RC_ASSERT(world.soon([&] {
      for (auto& way : ways) {
        const auto left = way.data.size() - way.sent;
        const auto taken = ::send(way.from->theirs.get(), way.data.data() + way.sent, left,
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken > 0) way.sent += static_cast<std::size_t>(taken);
      }
      return std::ranges::all_of(
          ways, [](const auto& way) { return way.to->data.size() == way.data.size(); });
    }));
    for (const auto& way : ways) {
      RC_ASSERT(way.to->data == way.data);
      way.from->finish();
    }
    RC_ASSERT(world.soon([&] { return world.at_far.ended && world.at_near.ended; }));
  });
}

TEST_CASE("relay: whatever is sent arrives, whole and in order") {
  test::check_property([] {
    fixture world;
    const auto bulk = *rc::gen::inRange<std::size_t>(0, 400'000);
    bytes data(bulk);
    fill_random(data);
    const auto first = *rc::gen::inRange<std::size_t>(0, 2000);
    bytes head(first);
    fill_random(head);
    world.subject.send_to_far(head);
    world.join();
    std::size_t sent = 0;
    while (sent < bulk) {
      const auto size = std::min(bulk - sent, *rc::gen::inRange<std::size_t>(1, 100'000));
      const auto taken =
          ::send(world.near.theirs.get(), data.data() + sent, size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (taken > 0) sent += static_cast<std::size_t>(taken);
      world.turn();
    }
    world.near.finish();
    RC_ASSERT(world.soon([&] { return world.at_far.ended; }));
    append(head, data);
    RC_ASSERT(world.at_far.data == head);
  });
}

}  // namespace
}  // namespace mtp::net
