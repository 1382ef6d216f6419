// A port through reloads: which of its clients have to leave, and since when.
#include "actors/client/open_port.hpp"

#include <doctest/doctest.h>

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using time_point = net::steady_clock::time_point;

constexpr time_point reloaded{1h};
/// Of a version whose clients may stay.
constexpr time_point may_stay{};

config::port_settings with_secret(std::uint8_t first_byte) {
  return {.name = "test", .secret = {first_byte}};
}

struct port_fixture {
  metrics counters;
  open_port port{with_secret(1), client_metrics{counters, "test"}};

  /// As a client that comes now has it.
  [[nodiscard]] std::shared_ptr<const port_version> now_met() const { return port.version.get(); }
};

TEST_CASE_FIXTURE(port_fixture, "open port: the same settings again are no new version") {
  const auto first = now_met();
  port.configure(with_secret(1), reloaded);
  CHECK(now_met() == first);
  CHECK(first->retired.load() == may_stay);
}

TEST_CASE_FIXTURE(port_fixture, "open port: another secret or tag makes clients leave") {
  const auto first = now_met();
  auto next = with_secret(1);
  SUBCASE("secret") {
    next.secret = {2};
  }
  SUBCASE("tag") {
    next.tag = rpc::ad_tag{3};
  }
  port.configure(next, reloaded);
  CHECK(first->retired.load() == reloaded);
  CHECK(now_met()->settings == next);
  CHECK(now_met()->retired.load() == may_stay);
}

TEST_CASE_FIXTURE(port_fixture, "open port: other options count for clients to come only") {
  const auto first = now_met();
  auto next = with_secret(1);
  next.allowed_protocols = {config::protocol::mtp_secure};
  port.configure(next, reloaded);
  CHECK(now_met()->settings == next);
  CHECK(first->retired.load() == may_stay);
}

TEST_CASE_FIXTURE(port_fixture,
                  "open port: clients leave since their secret went, not since the "
                  "last change") {
  const auto first = now_met();
  port.configure(with_secret(2), reloaded);
  const auto second = now_met();
  port.configure(with_secret(3), reloaded + 1min);
  CHECK(first->retired.load() == reloaded);
  CHECK(second->retired.load() == reloaded + 1min);
  CHECK(now_met()->retired.load() == may_stay);
}

TEST_CASE_FIXTURE(port_fixture, "open port: the old secret again lets its clients stay") {
  const auto first = now_met();
  port.configure(with_secret(2), reloaded);
  const auto second = now_met();
  port.configure(with_secret(1), reloaded + 1min);
  CHECK(first->retired.load() == may_stay);
  CHECK(second->retired.load() == reloaded + 1min);
  // And goes once more, with those that came while it was back.
  const auto third = now_met();
  port.configure(with_secret(2), reloaded + 2min);
  CHECK(first->retired.load() == reloaded + 2min);
  CHECK(second->retired.load() == may_stay);
  CHECK(third->retired.load() == reloaded + 2min);
}

TEST_CASE_FIXTURE(port_fixture, "open port: all clients of a port that is gone have to leave") {
  const auto first = now_met();
  port.configure(with_secret(2), reloaded);
  const auto second = now_met();
  port.retire(reloaded + 1min);
  CHECK(first->retired.load() == reloaded);
  CHECK(second->retired.load() == reloaded + 1min);
  port.retire(reloaded + 2min);
  CHECK(second->retired.load() == reloaded + 1min);
}

TEST_CASE_FIXTURE(port_fixture, "open port: a version lives as long as its last client") {
  const std::weak_ptr<const port_version> first = now_met();
  auto client = now_met();
  port.configure(with_secret(2), reloaded);
  CHECK_FALSE(first.expired());
  client.reset();
  CHECK(first.expired());
  port.configure(with_secret(3), reloaded + 1min);
  port.retire(reloaded + 2min);
  CHECK(now_met()->retired.load() == reloaded + 2min);
}

}  // namespace
}  // namespace mtp::actors
