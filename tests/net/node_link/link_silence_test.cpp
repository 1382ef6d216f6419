#include "net/node_link/link_silence.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

struct watched_session {
  watched_session() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) == 0);
    ours = unique_fd{fds[0]};
    theirs = unique_fd{fds[1]};
    session = std::make_shared<link_session>(fds[0], "back1", endpoint{});
    silence.watch(session);
    silence.look(now, limit);
  }
  /// Looks every second.
  void pass(std::chrono::seconds time) {
    for (; time > 0s; time -= 1s)
      silence.look(now += 1s, limit);
  }

  unique_fd ours;
  unique_fd theirs;
  std::shared_ptr<link_session> session;
  std::chrono::seconds limit{15};
  link_silence::time_point now{1h};
  link_silence silence;
};

TEST_CASE_FIXTURE(watched_session, "link silence: a session that says nothing for so long is cut") {
  // What came before the first look counts up to two seconds.
  pass(12s);
  CHECK_FALSE(session->is_failed());
  pass(3s);
  CHECK(session->is_failed());
  CHECK(session->trouble() == "nothing came for 15 s");
}

TEST_CASE_FIXTURE(watched_session, "link silence: whatever comes starts the time anew") {
  for (int i = 0; i < 10; ++i) {
    pass(12s);
    session->count_received(1);
  }
  CHECK_FALSE(session->is_failed());
  pass(16s);
  CHECK(session->is_failed());
}

TEST_CASE_FIXTURE(watched_session, "link silence: the limit may change") {
  pass(10s);
  limit = 60s;
  pass(40s);
  CHECK_FALSE(session->is_failed());
  limit = 20s;
  pass(1s);
  CHECK(session->is_failed());
}

TEST_CASE_FIXTURE(watched_session, "link silence: time in which nobody looked does not count") {
  now += 1h;
  silence.look(now, limit);
  CHECK_FALSE(session->is_failed());
  session->count_received(1);
  pass(1s);
  now += 1h;
  pass(12s);
  CHECK_FALSE(session->is_failed());
}

TEST_CASE_FIXTURE(watched_session, "link silence: a session that has ended is let go") {
  const std::weak_ptr known{session};
  session->finish();
  pass(20s);
  CHECK(session->ended() == closed_by_caf);
  session.reset();
  CHECK(known.expired());
  pass(20s);
}

}  // namespace
}  // namespace mtp::net
