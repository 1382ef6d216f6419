#include "net/node_link/link_newcomers.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <deque>
#include <set>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

struct fixture {
  /// A plain connection that has been let in, from there.
  std::shared_ptr<link_session> session(std::array<std::uint8_t, 4> from) {
    const auto& fd = sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return std::make_shared<link_session>(fd.get(), "",
                                          endpoint{.ip = ip_address::v4(from), .port = 1});
  }

  std::deque<unique_fd> sockets;
  link_newcomers::time_point now;
  std::set<const link_session*> joined;
  link_newcomers newcomers{{.in_all = 4, .per_network = 3, .per_host = 2},
                           5s,
                           [this](const auto& session) { return joined.contains(&session); }};
};

TEST_CASE_FIXTURE(fixture, "link newcomers: who has joined, or ended, needs no place") {
  const auto front = session({192, 0, 2, 1});
  const auto other = session({192, 0, 2, 1});
  CHECK(newcomers.add(front, now) == nullptr);
  CHECK(newcomers.add(other, now) == nullptr);
  CHECK(newcomers.size() == 2);
  joined.insert(front.get());
  CHECK(newcomers.size() == 1);
  other->finish();
  CHECK(newcomers.size() == 0);
  CHECK(newcomers.empty());
  CHECK(newcomers.take_overdue(now + 1h).empty());
}

TEST_CASE_FIXTURE(fixture, "link newcomers: who has joined is not cut for a stranger beside it") {
  const std::array all{session({192, 0, 2, 1}), session({192, 0, 2, 1})};
  for (const auto& session : all) {
    CHECK(newcomers.add(session, now) == nullptr);
    joined.insert(session.get());
  }
  const auto stranger = session({192, 0, 2, 1});
  CHECK(newcomers.add(stranger, now) == nullptr);
  CHECK(newcomers.add(session({192, 0, 2, 1}), now) != all[0]);
  CHECK(newcomers.size() <= 2);
}

TEST_CASE_FIXTURE(fixture, "link newcomers: who does not join in time is told, once") {
  const auto early = session({192, 0, 2, 1});
  const auto late = session({192, 0, 2, 2});
  CHECK(newcomers.add(early, now) == nullptr);
  CHECK(newcomers.add(late, now + 1s) == nullptr);
  CHECK(newcomers.take_overdue(now + 4999ms).empty());
  CHECK(newcomers.take_overdue(now + 5s) == std::vector{early});
  CHECK(newcomers.take_overdue(now + 5s).empty());
  CHECK(newcomers.take_overdue(now + 6s) == std::vector{late});
  CHECK(newcomers.size() == 0);
  // They are not closed yet.
  CHECK_FALSE(newcomers.empty());
}

TEST_CASE_FIXTURE(fixture, "link newcomers: no more are taken than can be closed") {
  std::vector<std::shared_ptr<link_session>> leavers;
  for (int i = 0; i < 6; ++i) {
    CHECK(newcomers.can_take_more());
    const auto leaver = newcomers.add(session({192, 0, 2, 1}), now);
    if (leaver != nullptr) leavers.push_back(leaver);
  }
  CHECK(newcomers.size() == 2);
  CHECK(leavers.size() == 4);
  CHECK_FALSE(newcomers.can_take_more());
  leavers[1]->finish();
  CHECK(newcomers.can_take_more());
}

}  // namespace
}  // namespace mtp::net
