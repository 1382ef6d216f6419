// Messages that actors don't understand are not printed.
#include "net/loop/quiet_actor.hpp"

#include <doctest/doctest.h>

#include <caf/all.hpp>
#include <stdexcept>

#include "net/loop/pinned_actor.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/captured_output.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::net {
namespace {

class deaf final : public pinned_actor {
 public:
  using pinned_actor::pinned_actor;

 private:
  caf::behavior start() override {
    return {[](int) {}};
  }
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(timer&) override {}
  void stopped() override {}
};

struct fixture {
  test::manual_node node;
  test::captured_output output;
  test::captured_log log;
  caf::actor actor;
  caf::error answer;

  fixture() = default;
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }

  void make_scheduled() {
    actor = spawn_quiet<caf::event_based_actor>(node.system(), [](auto*) -> caf::behavior {
      return {[](int) { throw std::runtime_error{"a bug"}; }};
    });
  }
  void say(const caf::message& message) {
    caf::anon_send(actor, message);
    node.settle();
  }
  void ask(const std::string& text) {
    node.system().spawn([this, text](caf::event_based_actor* self) {
      self->request(actor, caf::infinite, text)
          .then([] {}, [this](const caf::error& why) { answer = why; });
    });
    node.settle();
  }
};

TEST_CASE_FIXTURE(fixture,
                  "quiet actor: what it does not know is dropped, and a request answered") {
  SUBCASE("scheduled") {
    make_scheduled();
  }
  SUBCASE("pinned") {
    actor = spawn_pinned<deaf>(*node.core.reactors[0]);
  }
  say(caf::make_message(std::string{"nobody asked for this"}));
  say(caf::make_message(caf::down_msg{{}, caf::sec::runtime_error}));
  ask("nor for this");
  CHECK(answer == caf::sec::unexpected_message);
  CHECK(output.text().empty());
  CHECK(log.count("asked for this") == 0);
}

TEST_CASE_FIXTURE(fixture, "quiet actor: debug builds log what it does not know, once per type") {
  // A type is told once per process: each subcase has its own.
  caf::message unknown;
  std::string types;
  SUBCASE("scheduled") {
    make_scheduled();
    unknown = caf::make_message(std::string{"secret"}, 1);
    types = "(@str, @i32)";
  }
  SUBCASE("pinned") {
    actor = spawn_pinned<deaf>(*node.core.reactors[0]);
    unknown = caf::make_message(1, std::string{"secret"});
    types = "(@i32, @str)";
  }
  say(unknown);
  say(unknown);
  CHECK(output.text().empty());
  CHECK(log.count("secret") == 0);
#ifdef NDEBUG
  CHECK(log.text().empty());
#else
  CHECK(log.count("a message that it does not know is dropped: " + types + '\n') == 1);
  CHECK(log.count("\n") == 1);
#endif
}

TEST_CASE_FIXTURE(fixture, "quiet actor: an exception ends it, and is in the log") {
  make_scheduled();
  say(caf::make_message(1));
  ask("are you there?");
  CHECK(answer == caf::sec::request_receiver_down);
  CHECK(output.text().empty());
  CHECK(log.text() == "error an actor ends because of a bug: a bug\n");
}

TEST_CASE("quiet actor: nor is what CAF's own actors don't understand printed, or kept") {
  const test::captured_output output;
  {
    caf::actor_system_config config;
    caf::actor_system system{config};
    auto& known = system.registry();
    const std::vector shown{known.get<caf::actor>(caf::atom("SpawnServ")),
                            known.get<caf::actor>(caf::atom("ConfigServ"))};
    quiet_caf(system);
    for (const auto& target : shown)
      caf::anon_send(target, std::string{"nobody asked for this"});
    CHECK(known.get<caf::strong_actor_ptr>(caf::atom("SpawnServ")) == nullptr);
    CHECK(known.get<caf::strong_actor_ptr>(caf::atom("ConfigServ")) == nullptr);
  }
  // The system has waited for all threads, that of its printer among them.
  CHECK(output.text().empty());
}

}  // namespace
}  // namespace mtp::net
