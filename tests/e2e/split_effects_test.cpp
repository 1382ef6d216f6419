// Options of the link between nodes that a reload changes, and that have no case in
// split_reload_test.
#include <fstream>

#include "codecs/client/tls_client_hello.hpp"
#include "tests/e2e/load_client.hpp"
#include "tests/support/cover_site.hpp"

namespace mtp::test {
namespace {

void reload_with(const test_node& node, const std::string& key, const std::string& value) {
  node.set_line(key, value);
  const auto result = node.reload();
  INFO(result.output);
  REQUIRE(result.status == 0);
}

TEST_CASE("split: reload effects: back_nodes_policy") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& first = nodes.add_back("first");
  auto& second = nodes.add_back("second");
  auto& front = nodes.add_front("front", {{.config = "back_nodes_policy = \"failover\"\n"}});
  nodes.start_all();
  const load_client::target to{.port = front.port(), .secret = front.secret()};
  const auto clients_of = [](const test_back& back) {
    return back.metric("dc_num_upstreams{dc=\"2\"}");
  };
  tally seen;
  auto clients = idle_clients(to, 1, 10, seen);
  CHECK(clients_of(first) == 10);
  reload_with(front, "back_nodes_policy", "\"balance\"");
  auto later = idle_clients(to, 100, 10, seen);
  CHECK(clients_of(second) > 0);
  CHECK(seen.echoes == 20);
}

/// A front and a back that have nothing but a cookie between them.
struct plain_nodes {
  static constexpr const char* cookie = "cluster_cookie = \"0123456789abcdef-first\"\n";

  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  test_back* back = nullptr;
  test_front* front = nullptr;

  plain_nodes() {
    back_options at_back;
    at_back.transport = "plain";
    at_back.link = cookie;
    back = &nodes.add_back("back", at_back);
    front = &nodes.add_front("front", at_front());
    nodes.start_all();
  }
  static front_options at_front() {
    front_options how;
    how.transport = "plain";
    how.link = cookie;
    return how;
  }
};

TEST_CASE("split: reload effects: node_link.cluster_cookie") {
  plain_nodes on;
  auto client = on.front->client();
  check_echo(client);
  const std::string other = "\"0123456789abcdef-other\"";
  reload_with(*on.back, "cluster_cookie", other);
  auto& later = on.nodes.add_front("later", plain_nodes::at_front());
  later.start();
  CHECK(later.wait_for_output("the back refuses: cluster_cookie differs; trying again"));
  reload_with(later, "cluster_cookie", other);
  CHECK(later.wait_until_connected());
  auto another = later.client();
  check_echo(another);
  check_echo(client);
  CHECK(on.front->count_in_output(": connected (build") == 1);
}

TEST_CASE("split: reload effects: node_link.sni") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  const cover_site listening;
  front_options how;
  how.backs = {"back@" + listening.where()};
  how.link = "sni = \"a.example\"\n";
  auto& front = nodes.add_front("front", how);
  front.start();
  // The name in the next hello.
  const auto asked_for = [&] {
    auto front_end = listening.accept(soon());
    bytes hello(4096);
    hello.resize(front_end.receive(hello, soon()).value());
    return std::string{read_client_hello(hello).sni};
  };
  CHECK(asked_for() == "a.example");
  reload_with(front, "sni", "\"b.example\"");
  // One with the old name may be on its way.
  CHECK((asked_for() == "b.example" || asked_for() == "b.example"));
}

TEST_CASE("split: reload effects: node_name") {
  plain_nodes on;
  REQUIRE(on.back->wait_for_output("front front"));
  reload_with(*on.front, "node_name", "\"renamed\"");
  on.back->kill();
  on.back->start();
  CHECK(on.back->wait_for_output("front renamed"));
}

TEST_CASE("split: reload effects: node_link.ca") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options at_back;
  at_back.allowed = {"front", "stranger"};
  auto& back = nodes.add_back("back", at_back);
  auto& front = nodes.add_front();
  nodes.start_all();
  auto client = front.client();
  check_echo(client);

  // It knows the back's CA, but its own certificate is another one's.
  const certificate_authority others{nodes.directory(), "others"};
  front_options how;
  how.files = others.issue("stranger", {.name = "stranger", .usage = key_usage::client});
  how.files->ca = nodes.authority().file();
  auto& stranger = nodes.add_front("stranger", how);
  stranger.start();
  INFO(back.output());
  REQUIRE(back.wait_for_output("its certificate is from a CA that we do not trust"));
  const auto both = (nodes.directory() / "both.pem").string();
  std::ofstream{both} << std::ifstream{nodes.authority().file()}.rdbuf()
                      << std::ifstream{others.file()}.rdbuf();
  reload_with(back, "ca", '"' + both + '"');
  CHECK(stranger.wait_until_connected());
  auto another = stranger.client();
  check_echo(another);
  check_echo(client);
}

}  // namespace
}  // namespace mtp::test
