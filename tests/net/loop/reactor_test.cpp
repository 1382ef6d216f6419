#include "net/loop/reactor.hpp"

#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "net/loop/pinned_actor.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

struct work {
  int number = 0;
};
struct fail_now {};

}  // namespace
}  // namespace mtp::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::net::work)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::net::fail_now)

namespace mtp::net {
namespace {

/// What a `worker` did, for the test to look at after its end.
struct journal {
  std::vector<int> fast;
  std::vector<int> slow;
  std::vector<std::thread::id> threads;
  int due = 0;
  int stops = 0;
};

class worker final : public pinned_actor {
 public:
  worker(caf::actor_config& cfg, reactor& home, journal& log)
      : pinned_actor{cfg, home}, log_{&log}, timer_{*this} {}

 private:
  caf::behavior start() override {
    log_->threads.push_back(std::this_thread::get_id());
    timer_.arm(home().timers(), 10ms);
    return {
        [this](int number) {
          log_->slow.push_back(number);
          return number + 1;
        },
        [](fail_now) { throw std::runtime_error{"on purpose"}; },
    };
  }
  bool on_message(caf::mailbox_element& x) override {
    const auto* const message = message_as<work>(x);
    if (message == nullptr) return false;
    log_->fast.push_back(message->number);
    log_->threads.push_back(std::this_thread::get_id());
    return true;
  }
  void on_due(timer&) override {
    ++log_->due;
    log_->threads.push_back(std::this_thread::get_id());
  }
  void stopped() override {
    ++log_->stops;
    timer_.cancel();
  }

  journal* log_;
  timer timer_;
};

TEST_CASE("a pinned actor gets messages by type first, the others by its behavior, in order") {
  test::manual_node node;
  auto& home = *node.core.reactors[0];
  journal log;
  const auto actor = spawn_pinned<worker>(home, std::ref(log));
  for (int i = 0; i < 3; ++i) {
    caf::anon_send(actor, work{i});
    caf::anon_send(actor, i * 10);
  }
  node.settle();
  CHECK(log.fast == std::vector{0, 1, 2});
  CHECK(log.slow == std::vector{0, 10, 20});
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(log.stops == 1);
}

TEST_CASE("a pinned actor lives until it ends, even if nobody holds it") {
  test::manual_node node;
  journal log;
  const auto weak = caf::actor_cast<caf::weak_actor_ptr>(
      spawn_pinned<worker>(*node.core.reactors[0], std::ref(log)));
  node.settle();
  CHECK(log.stops == 0);
  auto again = caf::actor_cast<caf::actor>(weak);
  REQUIRE(again);
  caf::anon_send_exit(again, caf::exit_reason::kill);
  again = nullptr;
  node.settle();
  CHECK(log.stops == 1);
  CHECK_FALSE(caf::actor_cast<caf::actor>(weak));
}

TEST_CASE("an exception in a handler ends the actor, and it still gives back what it has") {
  test::manual_node node;
  journal log;
  const auto actor = spawn_pinned<worker>(*node.core.reactors[0], std::ref(log));
  caf::anon_send(actor, fail_now{});
  caf::anon_send(actor, work{1});
  node.settle();
  CHECK(log.stops == 1);
  CHECK(log.fast.empty());
}

TEST_CASE("a request to a pinned actor that has ended fails at once") {
  test::manual_node node;
  journal log;
  const auto actor = spawn_pinned<worker>(*node.core.reactors[0], std::ref(log));
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  node.settle();
  bool failed = false;
  const auto asker = node.system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->request(actor, caf::infinite, 5)
        .then([](int) {}, [&](const caf::error&) { failed = true; });
    return {[](caf::unit_t) {}};
  });
  node.settle();
  CHECK(failed);
}

TEST_CASE("everything of a pinned actor runs on its reactor's thread, whoever sends") {
  caf::actor_system_config config;
  caf::actor_system system{config};
  reactor home{system, 0, 4096};
  journal log;
  std::thread::id home_thread;
  std::thread runner{[&] {
    home_thread = std::this_thread::get_id();
    home.run();
  }};
  const auto actor = spawn_pinned<worker>(home, std::ref(log));
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender)
    senders.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        caf::anon_send(actor, work{i});
    });
  for (auto& sender : senders)
    sender.join();
  caf::scoped_actor self{system};
  // Behind everything else in its mailbox.
  self->request(actor, caf::infinite, 1).receive([](int) {}, [](const caf::error&) {});
  self->send_exit(actor, caf::exit_reason::user_shutdown);
  self->wait_for(actor);
  home.stop();
  runner.join();
  CHECK(log.fast.size() == 4000);
  for (const auto thread : log.threads)
    CHECK(thread == home_thread);
}

TEST_CASE(
    "a task runs in its reactor's thread, whoever posts it, and is dropped if it never runs") {
  auto kept = std::make_shared<int>(0);
  {
    caf::actor_system_config config;
    caf::actor_system system{config};
    reactor home{system, 0, 1024};
    std::promise<std::thread::id> ran_in;
    home.post([&] { ran_in.set_value(std::this_thread::get_id()); });
    std::thread thread{[&] { home.run(); }};
    CHECK(ran_in.get_future().get() == thread.get_id());
    // And wakes it up.
    std::promise<void> again;
    home.post([&] { again.set_value(); });
    again.get_future().get();
    home.stop();
    thread.join();
    home.post([kept] { ++*kept; });
    CHECK(kept.use_count() == 2);
  }
  CHECK(*kept == 0);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("a timer wakes a reactor that sleeps") {
  caf::actor_system_config config;
  caf::actor_system system{config};
  reactor home{system, 0, 4096};
  journal log;
  {
    const auto actor = spawn_pinned<worker>(home, std::ref(log));
    home.run_once(0ms);
    const auto begun = steady_clock::now();
    for (int i = 0; i < 10 && log.due == 0; ++i)
      home.run_once(10s);
    CHECK(log.due == 1);
    CHECK(steady_clock::now() - begun < 5s);
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
  home.run_once(0ms);
  CHECK(log.stops == 1);
}

}  // namespace
}  // namespace mtp::net
