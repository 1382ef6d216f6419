#include "net/node_link/link_session.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "net/node_link/link_transport.hpp"

namespace mtp::net {
namespace {

struct connection {
  connection() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    ours = unique_fd{fds[0]};
    theirs = unique_fd{fds[1]};
  }
  /// Whether our end was shut, or closed.
  [[nodiscard]] bool over() const {
    char ignored = 0;
    return ::recv(theirs.get(), &ignored, 1, 0) == 0;
  }
  unique_fd ours;
  unique_fd theirs;
};

TEST_CASE("link session: cutting shuts the connection, and the first reason is told") {
  const connection both;
  link_session session{both.ours.get(), "back1", {}};
  std::string told;
  session.on_end([&](const std::string& why) { told = why; });
  CHECK_FALSE(session.is_failed());
  std::thread{[&] { session.cut("the operator wants it"); }}.join();
  session.cut("another reason");
  CHECK(session.is_failed());
  CHECK(both.over());
  CHECK_FALSE(session.ended());
  CHECK(told.empty());
  session.finish();
  CHECK(session.ended() == "the operator wants it");
  CHECK(told == "the operator wants it");
}

TEST_CASE("link session: once it has ended, the descriptor is left alone") {
  connection both;
  link_session session{both.ours.get(), {}, {}};
  session.finish();
  // The number may be anybody's by now.
  session.cut("late");
  CHECK_FALSE(both.over());
  CHECK(session.ended() == "closed here: nothing came in time, or what came was no BASP");
  std::string told;
  session.on_end([&](const std::string& why) { told = why; });
  CHECK(told == "closed here: nothing came in time, or what came was no BASP");
}

TEST_CASE("link session: a callback is called once, and the last one counts") {
  const connection both;
  link_session session{both.ours.get(), {}, {}};
  int first = 0;
  int second = 0;
  session.on_end([&](const std::string&) { ++first; });
  session.on_end([&](const std::string&) { ++second; });
  session.finish();
  session.finish();
  CHECK(first == 0);
  CHECK(second == 1);
}

TEST_CASE("link transport: whoever drops it closes the connection") {
  connection both;
  std::string told;
  {
    const link_transport transport{std::move(both.ours), nullptr, {}};
    transport.session()->on_end([&](const std::string& why) { told = why; });
    link_transport moved{link_transport{std::move(both.ours), nullptr, {}}};
  }
  CHECK(told == "closed here: nothing came in time, or what came was no BASP");
  CHECK(both.over());
}

}  // namespace
}  // namespace mtp::net
