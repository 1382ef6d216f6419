#include "net/relay/relay.hpp"

#include <sys/resource.h>

#include "tests/net/relay/relay_fixture.hpp"

namespace mtp::net {
namespace {

TEST_CASE_FIXTURE(relay_fixture, "relay: bytes both ways, then both ends finish") {
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

TEST_CASE_FIXTURE(relay_fixture, "relay: a client that has finished still hears the answer") {
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

TEST_CASE_FIXTURE(relay_fixture, "relay: a reset of either end is a reset for the other") {
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

TEST_CASE_FIXTURE(relay_fixture, "relay: a client that resets before the site is reached") {
  subject.send_to_far(of("hello"));
  subject.attach_near(std::move(near.ours));
  near.reset();
  CHECK(soon([&] { return over == ECONNRESET; }));
}

TEST_CASE_FIXTURE(relay_fixture, "relay: first bytes go before all others") {
  subject.send_to_far(of("first "));
  subject.send_to_far(of("second "));
  near.send("third");
  join();
  CHECK(soon([&] { return at_far.data == of("first second third"); }));
  CHECK(subject.to_far() == 18);
}

TEST_CASE_FIXTURE(relay_fixture, "relay: the near end may come when the far end has spoken") {
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

TEST_CASE_FIXTURE(relay_fixture, "relay: without a near end the far end is told of once") {
  subject.attach_far(std::move(far.ours));
  far.send("banner");
  CHECK(soon([&] { return spoke == 1; }));
  turn();
  CHECK(spoke == 1);
  CHECK_FALSE(over);
}

TEST_CASE_FIXTURE(relay_fixture,
                  "relay: an end that reads nothing stops the other, and nothing spins") {
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

TEST_CASE_FIXTURE(relay_fixture,
                  "relay: urgent data of TCP neither stops it nor loses what follows") {
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

TEST_CASE_FIXTURE(relay_fixture, "relay: without descriptors for pipes it copies") {
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

TEST_CASE_FIXTURE(relay_fixture,
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

}  // namespace
}  // namespace mtp::net
