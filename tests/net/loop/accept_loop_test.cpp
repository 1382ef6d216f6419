#include "net/loop/accept_loop.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <vector>

#include "net/loop/bound_port.hpp"
#include "net/loop/socket_address.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

/// What an `accepting_actor` does and sees.
struct accept_log {
  std::vector<unique_fd> accepted;
  std::vector<endpoint> peers;
  std::vector<int> exhausted;
  std::function<void(accept_loop&)> when_accepted = [](accept_loop&) {};
  std::function<void(accept_loop&)> todo;
  bool lets_in = true;
  int told = 0;
};

class accepting_actor final : public pinned_actor, private accept_owner {
 public:
  accepting_actor(caf::actor_config& cfg, reactor& home, accept_log& log, int listening)
      : pinned_actor{cfg, home}, log_{&log}, listening_{listening}, loop_{*this, *this} {}

  [[nodiscard]] const char* name() const override { return "accepting_actor"; }

 private:
  caf::behavior start() override {
    loop_.start(listening_);
    return {[this](caf::unit_t) { log_->todo(loop_); }};
  }
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(timer&) override {}
  void stopped() override { loop_.stop(); }

  bool can_accept() override { return log_->lets_in; }
  void on_accepted(unique_fd fd, const endpoint& peer) override {
    log_->accepted.push_back(std::move(fd));
    log_->peers.push_back(peer);
    log_->when_accepted(loop_);
  }
  void on_exhausted(int error) override {
    log_->exhausted.push_back(error);
    if (loop_.pause()) ++log_->told;
  }

  accept_log* log_;
  int listening_;
  accept_loop loop_;
};

struct accept_fixture {
  test::manual_node node;
  accept_log log;
  bound_port port =
      bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false).value();
  caf::actor actor =
      spawn_pinned<accepting_actor>(*node.core.reactors[0], std::ref(log), port.socket(0));
  std::vector<unique_fd> clients;

  accept_fixture() { node.settle(); }
  accept_fixture(const accept_fixture&) = delete;
  accept_fixture& operator=(const accept_fixture&) = delete;
  accept_fixture(accept_fixture&&) = delete;
  accept_fixture& operator=(accept_fixture&&) = delete;
  ~accept_fixture() {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }

  /// They are in the backlog when this returns.
  void connect(int number) {
    const auto to = to_socket_address(port.where());
    for (int i = 0; i < number; ++i) {
      clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      REQUIRE(::connect(clients.back().get(), to.get(), to.size) == 0);
    }
  }
  void in_actor(std::function<void(accept_loop&)> action) {
    log.todo = std::move(action);
    caf::anon_send(actor, caf::unit);
    node.settle();
  }
};

TEST_CASE_FIXTURE(accept_fixture, "accept loop: all that wait are taken, 64 per turn") {
  connect(100);
  node.core.reactors[0]->run_once(0ms);
  CHECK(log.accepted.size() == 64);
  node.settle();
  REQUIRE(log.accepted.size() == 100);
  CHECK(log.peers[0] == local_endpoint(clients[0].get()));
}

TEST_CASE_FIXTURE(accept_fixture,
                  "accept loop: told to rest, it leaves what comes in the backlog") {
  log.when_accepted = [](accept_loop& loop) { loop.rest(1s); };
  connect(3);
  node.settle();
  CHECK(log.accepted.size() == 1);
  node.advance(900ms);
  CHECK(log.accepted.size() == 1);
  node.advance(150ms);
  CHECK(log.accepted.size() == 2);
}

TEST_CASE_FIXTURE(accept_fixture, "accept loop: whoever is not let in waits") {
  log.lets_in = false;
  connect(1);
  node.settle();
  CHECK(log.accepted.empty());
  log.lets_in = true;
  node.settle();
  CHECK(log.accepted.size() == 1);
}

TEST_CASE_FIXTURE(accept_fixture, "accept loop: stopped, it takes nobody") {
  SUBCASE("from outside") {
    in_actor([](accept_loop& loop) { loop.stop(); });
  }
  SUBCASE("while it rests") {
    in_actor([](accept_loop& loop) {
      loop.rest(100ms);
      loop.stop();
      loop.stop();
    });
  }
  connect(2);
  node.advance(1s);
  CHECK(log.accepted.empty());
  in_actor([this](accept_loop& loop) { loop.start(port.socket(0)); });
  CHECK(log.accepted.size() == 2);
}

TEST_CASE_FIXTURE(accept_fixture, "accept loop: out of descriptors it pauses, and says so rarely") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  connect(1);
  // The lowest number that is free is the first one that is not allowed.
  const int next = ::dup(0);
  ::close(next);
  auto tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  node.settle();
  const auto at_once = log.exhausted;
  for (int i = 0; i < 50; ++i)
    node.advance(110ms);
  const auto later = log.exhausted.size();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(at_once == std::vector{EMFILE});
  CHECK(later > 40);
  CHECK(later <= 51);
  CHECK(log.told == 1);
  node.advance(150ms);
  CHECK(log.accepted.size() == 1);
}

}  // namespace
}  // namespace mtp::net
