#include "app/console_commands.hpp"

#include <doctest/doctest.h>

#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/node_link/link_messages.hpp"
#include "actors/ops/inspector.hpp"

namespace mtp::app {
namespace {

struct fixture {
  caf::actor_system_config config;
  caf::actor_system system{config};
  actors::node_core core{{}};
  actors::client_side client{core};
  actors::uplink_side uplink{core};
  actors::node_parts parts{.core = core, .client = &client, .uplink = &uplink};
  std::function<tl::expected<std::string, std::string>()> reload;
  caf::actor inspector;

  fixture() = default;
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() { caf::anon_send_exit(inspector, caf::exit_reason::kill); }

  void use(caf::actor actor) {
    inspector = std::move(actor);
    core.names.put("inspector", inspector);
  }
  std::string answer(std::string_view line) {
    const auto answer = answer_console({.system = system, .node = parts, .reload = reload}, line);
    return answer ? *answer : "error: " + answer.error();
  }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE_FIXTURE(fixture,
                  "console commands: each asks its own question, and help lists them all") {
  use(system.spawn([](caf::event_based_actor*) -> caf::behavior {
    return {
        [](actors::inspect_tree) { return actors::tree_report{{{.id = "the root"}}}; },
        [](actors::inspect_pools) { return actors::pools_report{}; },
        [](actors::inspect_conns) {
          return actors::conns_report{.pools = {{.dc = 1, .conns = {}, .trouble = "gone"}}};
        },
        [](const actors::inspect_clients& request) {
          return actors::clients_report{.clients = {.total = request.limit}, .trouble = {}};
        },
        [](actors::inspect_hellos) { return actors::hellos_report{}; },
        [](actors::inspect_counts) { return actors::counts_report{}; },
        [](actors::inspect_nodes) {
          return actors::nodes_report{.name = "n", .role = config::node_role::both, .build = "b"};
        },
    };
  }));
  CHECK(contains(answer("tree"), "the root"));
  CHECK(answer("  pools\t") == "no DC is known yet\n");
  CHECK(answer("conns") == "no conns\ndc 1: gone\n");
  CHECK(answer("links") == answer("conns"));
  CHECK(contains(answer("clients"), "20 clients"));
  CHECK(contains(answer("clients 1000"), "1000 clients"));
  CHECK(answer("clients 0") == "0 clients\n");
  CHECK(answer("hellos") == "no ClientHello has come yet\n");
  CHECK(answer("stats") == "nothing has been counted yet\n");
  CHECK(answer("nodes") == "this node: n, role both, build b\n");
  CHECK(answer("help") == console_help());
  for (const auto* const name : {"tree ", "pools ", "conns ", "clients [N] ", "hellos ", "stats ",
                                 "nodes ", "reload ", "help "})
    CHECK(contains('\n' + console_help(), '\n' + std::string{name}));
}

TEST_CASE_FIXTURE(fixture, "console commands: what is wrong is told") {
  CHECK(answer("") == "error: there is no command \"\"; try help");
  CHECK(answer("poo\x1bls") == "error: there is no command \"poo?ls\"; try help");
  CHECK(answer("pools 2") == "error: too many words behind pools; try help");
  CHECK(answer("clients 1 2") == "error: too many words behind clients; try help");
  // More than 64 bits have, and as long as a secret.
  CHECK(answer("clients 99999999999999999999999") ==
        "error: clients takes a number, at most 1000; found \"(not shown)\"");
  for (const auto* const number : {"1001", "-1", "ten", "5x"})
    CHECK(answer(std::string{"clients "} + number) ==
          std::string{"error: clients takes a number, at most 1000; found \""} + number + '"');
  CHECK(answer("pools") == "error: the inspector is not running; try again");
}

TEST_CASE_FIXTURE(fixture, "console commands: of what a node has not it says who has") {
  parts.uplink = nullptr;
  CHECK(answer("pools") == "a front has no pools: ask a back, with --node NAME\n");
  CHECK(answer("conns") == "a front has no conns: ask a back, with --node NAME\n");
  CHECK(answer("clients") == "error: the inspector is not running; try again");
  parts.uplink = &uplink;
  parts.client = nullptr;
  CHECK(answer("clients 5") == "a back has no clients: ask its fronts, on their machines\n");
  CHECK(answer("pools") == "error: the inspector is not running; try again");
}

TEST_CASE_FIXTURE(fixture, "console commands: a back is asked by its name, through its link") {
  CHECK(answer("@back pools") == "error: no back node is called \"back\"; this node has none");
  config::settings settings;
  settings.process.role = config::node_role::front;
  settings.link.back_nodes = {{"back", "10.0.0.2", 9199}, {"other", "10.0.0.3", 9199}};
  actors::node_link_side link_side{core};
  link_side.backs.follow(settings);
  parts.link = &link_side;
  CHECK(answer("@back pools") == "error: its link is being restarted");
  const auto link = [this](const std::string& tells) {
    return system.spawn([tells](caf::event_based_actor*) -> caf::behavior {
      return {[tells](const actors::ask_back& request) -> caf::result<std::string, bool> {
        return {tells + request.line, request.line != "fail"};
      }};
    });
  };
  const auto first = link("first: ");
  const auto second = link("second: ");
  core.names.put(actors::names::back_session(0), first);
  core.names.put(actors::names::back_session(1), second);
  CHECK(answer("@back  clients 5 ") == "first: clients 5 ");
  CHECK(answer("@other pools") == "second: pools");
  CHECK(answer("@other@10.0.0.3:9199 pools") == "second: pools");
  CHECK(answer("@back fail") == "error: first: fail");
  CHECK(answer("@third pools") == "error: no back node is called \"third\"; there is back, other");
  CHECK(answer("@back @other pools") == "error: only one node can be named");
  caf::anon_send_exit(first, caf::exit_reason::kill);
  caf::anon_send_exit(second, caf::exit_reason::kill);
  CHECK(answer("@back pools") == "error: the link does not answer");
}

TEST_CASE_FIXTURE(fixture, "console commands: an inspector that hangs or ends is told") {
  use(system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::skip);
    return {[](caf::unit_t) {}};
  }));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(answer("pools") == "error: the inspector did not answer in 4s");
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{10});
  caf::anon_send_exit(inspector, caf::exit_reason::kill);
  CHECK(answer("pools") == "error: the inspector has ended; try again");
}

}  // namespace
}  // namespace mtp::app
