#include "actors/core/supervisor.hpp"

#include <doctest/doctest.h>

#include "tests/support/captured_log.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

/// Starts children that do nothing, and remembers what happened to them.
class nursery {
 public:
  explicit nursery(test::manual_node& node) : node_{&node} {}

  child_spec spec(const std::string& id, restart_policy restart = restart_policy::permanent) {
    return {
        .id = id, .restart = restart, .shutdown = 2s, .start = [this, id] { return start(id); }};
  }
  caf::actor start(const std::string& id, bool stubborn = false) {
    log.push_back("start " + id);
    return node_->system().spawn(
        [this, id, stubborn](caf::event_based_actor* self) -> caf::behavior {
          if (stubborn) self->set_exit_handler([](caf::exit_msg&) {});
          self->attach_functor([this, id] { log.push_back("end " + id); });
          return {[](caf::unit_t) {}};
        });
  }
  /// The log since the last call.
  std::vector<std::string> happened() { return std::exchange(log, {}); }

  std::vector<std::string> log;

 private:
  test::manual_node* node_;
};

struct fixture {
  fixture() = default;
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    for (const auto& sup : supervisors)
      caf::anon_send_exit(sup, caf::exit_reason::kill);
    node.settle();
  }

  test::manual_node node;
  nursery children{node};
  name_registry& names = node.core.names;
  /// An actor without a reference is gone.
  std::vector<caf::actor> supervisors;

  caf::actor spawn(supervisor_spec spec) {
    supervisors.push_back(spawn_supervisor(node.system(), std::move(spec), names));
    node.settle();
    return supervisors.back();
  }
  void kill(const std::string& name) {
    caf::anon_send_exit(names.find(name), caf::exit_reason::kill);
    node.settle();
  }
  /// Null if it fails.
  caf::actor start_child_of(const caf::actor& sup, const std::string& id) {
    caf::actor started;
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(sup, 1s, start_child{id, [this, id] { return children.start(id); }})
          .then([&](const caf::actor& handle) { started = handle; }, [](const caf::error&) {});
    });
    node.settle();
    return started;
  }
  void stop_child_of(const caf::actor& sup, const std::string& id) {
    caf::anon_send(sup, stop_child{id});
    node.settle();
  }
  std::vector<child_status> list(const caf::actor& sup) {
    std::vector<child_status> listed;
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(sup, 1s, list_children{}).then([&](const std::vector<child_status>& all) {
        listed = all;
      });
    });
    node.settle();
    return listed;
  }
  bool has_ended(const caf::actor& actor) {
    // Called at once if it has; else some time later.
    auto ended = std::make_shared<bool>(false);
    actor->attach_functor([ended] { *ended = true; });
    node.settle();
    return *ended;
  }
};

using strings = std::vector<std::string>;

TEST_CASE_FIXTURE(fixture, "supervisor: children start in order and are known by name") {
  const auto sup = spawn({.name = "sup", .children = {children.spec("a"), children.spec("b")}});
  CHECK(children.happened() == strings{"start a", "start b"});
  CHECK(names.find("a"));
  CHECK(names.find("b"));
  CHECK_FALSE(names.find("c"));
  caf::anon_send_exit(sup, caf::exit_reason::user_shutdown);
  node.settle();
  // Stopped from the last to the first.
  CHECK(children.happened() == strings{"end b", "end a"});
  CHECK_FALSE(names.find("a"));
  CHECK(has_ended(sup));
}

TEST_CASE_FIXTURE(fixture,
                  "supervisor: one_for_one restarts only the child that ended, under its name") {
  spawn({.name = "sup", .children = {children.spec("a"), children.spec("b")}});
  children.happened();
  const auto before = names.find("a");
  kill("a");
  CHECK(children.happened() == strings{"end a", "start a"});
  CHECK(names.find("a"));
  CHECK(names.find("a") != before);
}

TEST_CASE_FIXTURE(fixture, "supervisor: why a child ended is told within limits") {
  spawn({.name = "sup", .children = {children.spec("a")}});
  const test::captured_log log;
  const auto end = [&](const std::string& why) {
    caf::anon_send(names.find("a"),
                   caf::exit_msg{{}, caf::make_error(caf::sec::runtime_error, why)});
    node.settle();
  };
  end("\x1b[2J" + std::string(100'000, 'x'));
  CHECK(log.text().starts_with("error sup: a ended: system_error(runtime_error, "));
  CHECK(log.text().find('\x1b') == std::string::npos);
  CHECK(log.text().size() < 300);
  for (int i = 0; i < 40; ++i)
    end("another " + std::to_string(i));
  CHECK(log.count("\n") == 10);
}

TEST_CASE_FIXTURE(fixture, "supervisor: one_for_all restarts everybody in order") {
  spawn({.name = "sup",
         .strategy = supervision_strategy::one_for_all,
         .children = {children.spec("a"), children.spec("b"), children.spec("c")}});
  children.happened();
  kill("b");
  CHECK(children.happened() == strings{"end b", "end c", "end a", "start a", "start b", "start c"});
}

TEST_CASE_FIXTURE(fixture,
                  "supervisor: transient children come back only after an error, temporary never") {
  const auto sup = spawn({.name = "sup",
                          .children = {children.spec("t", restart_policy::transient),
                                       children.spec("x", restart_policy::temporary)}});
  children.happened();
  kill("t");
  CHECK(children.happened() == strings{"end t", "start t"});
  caf::anon_send_exit(names.find("t"), caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(children.happened() == strings{"end t"});
  kill("x");
  CHECK(children.happened() == strings{"end x"});
  CHECK_FALSE(names.find("x"));
  CHECK_FALSE(has_ended(sup));
}

TEST_CASE_FIXTURE(fixture,
                  "supervisor: too many restarts in the period end it, its children with it") {
  const auto sup = spawn({.name = "sup",
                          .intensity = 3,
                          .period = 5s,
                          .children = {children.spec("a"), children.spec("b")}});
  for (int i = 0; i < 3; ++i)
    kill("a");
  CHECK_FALSE(has_ended(sup));
  children.happened();
  kill("a");
  CHECK(children.happened() == strings{"end a", "end b"});
  CHECK(has_ended(sup));
}

TEST_CASE_FIXTURE(fixture, "supervisor: restarts far enough apart do not add up") {
  const auto sup =
      spawn({.name = "sup", .intensity = 1, .period = 5s, .children = {children.spec("a")}});
  for (int i = 0; i < 5; ++i) {
    kill("a");
    node.advance(6s);
  }
  CHECK_FALSE(has_ended(sup));
  CHECK(names.find("a"));
}

TEST_CASE_FIXTURE(fixture,
                  "supervisor: intensity trips upward: a supervisor that gives up is restarted") {
  const auto inner = [&] {
    return spawn_supervisor(
        node.system(), {.name = "inner", .intensity = 0, .children = {children.spec("a")}}, names);
  };
  spawn({.name = "outer", .children = {{.id = "inner", .shutdown = 2s, .start = inner}}});
  children.happened();
  kill("a");
  CHECK(children.happened() == strings{"end a", "start a"});
  CHECK(names.find("a"));
}

TEST_CASE_FIXTURE(fixture,
                  "supervisor: simple_one_for_one starts children when asked, and lists them") {
  const auto sup = spawn({.name = "sup",
                          .strategy = supervision_strategy::simple_one_for_one,
                          .children = {{.restart = restart_policy::permanent, .shutdown = 1s}}});
  CHECK(children.happened().empty());
  caf::anon_send(sup, start_child{"a", [&] { return children.start("a"); }});
  caf::anon_send(sup, start_child{"b", [&] { return children.start("b"); }});
  node.settle();
  CHECK(children.happened() == strings{"start a", "start b"});
  kill("a");
  CHECK(children.happened() == strings{"end a", "start a"});
  const auto listed = list(sup);
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].id == "a");
  CHECK(listed[0].restarts == 1);
  CHECK(listed[1].handle == names.find("b"));
  stop_child_of(sup, "a");
  CHECK(children.happened() == strings{"end a"});
  caf::anon_send_exit(sup, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(children.happened() == strings{"end b"});
}

TEST_CASE_FIXTURE(fixture, "supervisor: one_for_one takes more children: permanent, and the last") {
  const auto sup = spawn({.name = "sup", .children = {children.spec("a")}});
  children.happened();
  const auto added = start_child_of(sup, "b");
  CHECK(children.happened() == strings{"start b"});
  CHECK(added != nullptr);
  CHECK(names.find("b") == added);
  const auto listed = list(sup);
  REQUIRE(listed.size() == 2);
  CHECK(listed[1].id == "b");
  CHECK(listed[1].restart == restart_policy::permanent);
  CHECK(listed[1].handle == added);
  // There is one of that name.
  CHECK(start_child_of(sup, "b") == added);
  CHECK(children.happened().empty());

  kill("b");
  CHECK(children.happened() == strings{"end b", "start b"});
  CHECK(names.find("b") != added);
  caf::anon_send_exit(sup, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(children.happened() == strings{"end b", "end a"});
}

TEST_CASE_FIXTURE(fixture,
                  "supervisor: one_for_one stops a child for good, until it is asked for") {
  const auto sup = spawn(
      {.name = "sup", .children = {children.spec("a"), children.spec("b"), children.spec("c")}});
  children.happened();
  const auto before = names.find("c");
  stop_child_of(sup, "b");
  CHECK(children.happened() == strings{"end b"});
  CHECK_FALSE(names.find("b"));
  CHECK(list(sup).size() == 2);
  // The others stay as they were.
  kill("a");
  CHECK(children.happened() == strings{"end a", "start a"});
  CHECK(names.find("c") == before);

  const auto again = start_child_of(sup, "b");
  CHECK(children.happened() == strings{"start b"});
  CHECK(names.find("b") == again);
  kill("b");
  CHECK(children.happened() == strings{"end b", "start b"});
  caf::anon_send_exit(sup, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(children.happened() == strings{"end b", "end c", "end a"});
}

TEST_CASE_FIXTURE(fixture, "supervisor: a child that it does not have is not stopped") {
  const auto sup = spawn({.name = "sup", .children = {children.spec("a")}});
  children.happened();
  stop_child_of(sup, "b");
  stop_child_of(sup, "");
  CHECK(children.happened().empty());
  CHECK(list(sup).size() == 1);
  // It may have been killed meanwhile: that is no reason to start it again.
  caf::anon_send(sup, stop_child{"a"});
  caf::anon_send_exit(names.find("a"), caf::exit_reason::kill);
  node.settle();
  CHECK(children.happened() == strings{"end a"});
  CHECK(list(sup).empty());
  CHECK_FALSE(has_ended(sup));
}

TEST_CASE_FIXTURE(fixture, "supervisor: a child that does not stop in time is killed") {
  auto stubborn = children.spec("s");
  stubborn.start = [&] { return children.start("s", true); };
  const auto sup = spawn({.name = "sup", .children = {children.spec("a"), stubborn}});
  children.happened();
  caf::anon_send_exit(sup, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(children.happened().empty());
  CHECK_FALSE(has_ended(sup));
  node.advance(2s);
  CHECK(children.happened() == strings{"end s", "end a"});
  CHECK(has_ended(sup));
}

TEST_CASE_FIXTURE(fixture, "supervisor: no child survives a supervisor that is killed") {
  const auto sup = spawn({.name = "sup", .children = {children.spec("a"), children.spec("b")}});
  children.happened();
  caf::anon_send_exit(sup, caf::exit_reason::kill);
  node.settle();
  CHECK(children.happened() == strings{"end a", "end b"});
  CHECK_FALSE(names.find("a"));
  CHECK_FALSE(names.find("b"));
}

TEST_CASE_FIXTURE(fixture, "supervisor: a child that is asked for while it stops is refused") {
  const auto sup = spawn({.name = "sup",
                          .strategy = supervision_strategy::simple_one_for_one,
                          .children = {{.restart = restart_policy::temporary, .shutdown = 1s}}});
  caf::anon_send(sup, start_child{"s", [&] { return children.start("s", true); }});
  node.settle();
  caf::anon_send_exit(sup, caf::exit_reason::user_shutdown);
  node.settle();
  children.happened();
  CHECK(start_child_of(sup, "b") == nullptr);
  CHECK(children.happened().empty());
  node.advance(1s);
  CHECK(has_ended(sup));
}

}  // namespace
}  // namespace mtp::actors
