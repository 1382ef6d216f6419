#include "config/settings_file.hpp"

#include <doctest/doctest.h>

#include "config/node_address.hpp"
#include "tests/support/process.hpp"

namespace mtp::config {
namespace {

constexpr std::string_view port =
    "[[ports]]\n"
    "port = 1443\n"
    "secret = \"00112233445566778899aabbccddeeff\"\n";
constexpr std::string_view files =
    "certificate = \"dist/a.pem\"\n"
    "key = \"dist/a.key\"\n"
    "ca = \"/etc/ca.pem\"\n";
constexpr std::string_view back_head = "node_role = \"back\"\n";
constexpr std::string_view front_head =
    "node_role = \"front\"\n"
    "back_node = \"back@192.0.2.1\"\n";
constexpr std::string_view listening = "listen = \"0.0.0.0:9199\"\n";
constexpr std::string_view allowing = "allowed_nodes = [\"front1\", \"front2\"]\n";
constexpr std::string_view cookie = "cluster_cookie = \"0123456789abcdef\"\n";

/// Texts one after the other.
template <class... Parts>
std::string join(const Parts&... parts) {
  return (std::string{} + ... + std::string{parts});
}

loaded_settings good(const std::string& text) {
  auto loaded = parse_settings(text, "dir/proxy.toml");
  INFO((loaded ? std::string{} : to_string(loaded.error().front())));
  REQUIRE(loaded);
  return std::move(*loaded);
}

/// A front with more lines in front of its tables, or in `[node_link]`.
loaded_settings front(const std::string& top, const std::string& link = {}) {
  return good(join(front_head, top, "\n[node_link]\n", files, link, "\n", port));
}

loaded_settings back(const std::string& top, const std::string& link = {}) {
  return good(join(back_head, top, "\n[node_link]\n", listening, allowing, files, link));
}

std::vector<std::string> texts(const std::vector<config_problem>& problems) {
  std::vector<std::string> texts;
  for (const auto& problem : problems)
    texts.push_back(to_string(problem));
  return texts;
}

std::vector<std::string> problems(const std::string& text) {
  const auto loaded = parse_settings(text, "dir/proxy.toml");
  REQUIRE_FALSE(loaded);
  return texts(loaded.error());
}

/// The only problem with a file.
std::string problem(const std::string& text) {
  const auto all = problems(text);
  INFO(all.back());
  REQUIRE(all.size() == 1);
  return all[0];
}

/// The only problem with a back that has this in its `[node_link]`.
std::string back_problem(const std::string& link) {
  return problem(join(back_head, "[node_link]\n", link));
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("nodes: a back's name, host and port, as the original writes them") {
  const auto at = [](std::string_view text) {
    const auto address = parse_back_address(text);
    REQUIRE(address);
    return *address;
  };
  CHECK(at("back@10.8.0.2") == back_address{.name = "back", .host = "10.8.0.2", .port = 9199});
  CHECK(at("back@10.8.0.2:1") == back_address{.name = "back", .host = "10.8.0.2", .port = 1});
  CHECK(at("b-2.x_y@back.example.org:65535") ==
        back_address{.name = "b-2.x_y", .host = "back.example.org", .port = 65535});
  CHECK(at("back@[2001:db8::1]") ==
        back_address{.name = "back", .host = "2001:db8::1", .port = 9199});
  CHECK(at("back@[2001:db8::1]:5") ==
        back_address{.name = "back", .host = "2001:db8::1", .port = 5});
  CHECK(to_string(at("back@[2001:db8::1]:5")) == "back@[2001:db8::1]:5");
  CHECK(at("0@localhost").name == "0");
  CHECK(at(std::string(63, 'n') + "@h").name == std::string(63, 'n'));
}

TEST_CASE("nodes: what is no back") {
  for (const std::string_view text : {"",
                                      "back",
                                      "@h",
                                      "back@",
                                      "back@:1",
                                      "back@h:",
                                      "back@h:0",
                                      "back@h:65536",
                                      "back@h:1:2",
                                      "back@2001:db8::1",
                                      "back@[2001:db8::1",
                                      "back@[2001:db8::1]1",
                                      "back@[10.0.0.1]",
                                      "back@[h]",
                                      "back@10.0.0.256",
                                      "back@0.0.0.0",
                                      "back@[::]",
                                      "back@h..x",
                                      "back@-h",
                                      "back@h-",
                                      "back@h x",
                                      "-back@h",
                                      "b ack@h",
                                      "back@a@h",
                                      "back@<host>:9199"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_back_address(text));
  }
  const std::string long_name(64, 'n');
  CHECK_FALSE(parse_back_address(long_name + "@h"));
  CHECK_FALSE(parse_back_address("back@" + long_name));
}

TEST_CASE("nodes: a proxy that says nothing of them is both") {
  const auto all = good(std::string{port}).settings;
  CHECK(all.process.role == node_role::both);
  CHECK(all.link.node_name == "both");
  CHECK(all.link.back_nodes.empty());
  CHECK(good(join("node_role = \"both\"\nnode_name = \"n\"\n", port)).settings.link.node_name ==
        "n");
}

TEST_CASE("nodes: a front") {
  const auto loaded = front("");
  CHECK(loaded.warnings.empty());
  const auto& all = loaded.settings;
  CHECK(all.process.role == node_role::front);
  CHECK(all.link.node_name == "front");
  CHECK(all.link.back_nodes ==
        std::vector{back_address{.name = "back", .host = "192.0.2.1", .port = 9199}});
  CHECK(all.link.back_nodes_policy == back_choice::failover);
  CHECK(all.link.node_link.security == link_security::tls);
  CHECK(all.link.node_link.certificate == "dir/dist/a.pem");
  CHECK(all.link.node_link.key == "dir/dist/a.key");
  CHECK(all.link.node_link.ca == "/etc/ca.pem");
  CHECK(all.link.node_link.cluster_cookie.empty());
  CHECK(all.link.node_link.timeout == std::chrono::seconds{15});
  CHECK(front("node_name = \"front1\"").settings.link.node_name == "front1");
  CHECK(front("back_nodes_policy = \"balance\"").settings.link.back_nodes_policy ==
        back_choice::balance);
  CHECK(front("", "timeout_sec = 3").settings.link.node_link.timeout == std::chrono::seconds{3});
  // With TLS the cookie may be there too.
  CHECK(front("", std::string{cookie}).settings.link.node_link.cluster_cookie ==
        "0123456789abcdef");
}

TEST_CASE("nodes: a front with several backs") {
  const auto with = [](const std::string& line) {
    return join("node_role = \"front\"\n", line, "\n[node_link]\n", files, port);
  };
  const auto two = good(with("back_nodes = [\"b1@h1\", \"b2@h2:1\"]")).settings.link.back_nodes;
  CHECK(two == std::vector{back_address{.name = "b1", .host = "h1", .port = 9199},
                           back_address{.name = "b2", .host = "h2", .port = 1}});
  CHECK(contains(problem(with("back_nodes = []")), ":2: back_nodes: expected at least one back"));
  CHECK(contains(problem(with("back_nodes = [\"b\"]")),
                 ":2: back_nodes: expected name@host or name@host:port"));
  CHECK(problem(with("back_nodes = [\"b@h\", \"b2@h2\", \"c@h:9199\"]")) ==
        "dir/proxy.toml:2: back_nodes: has the place of c@h:9199 twice");
  CHECK(contains(problem(with("back_nodes = [\"b@h1\", \"b@h2\"]")),
                 "back_nodes: two backs have the name \"b\": give each its own"));
  CHECK(contains(problem(with("back_node = \"b@h\"\nback_nodes = [\"b@h\"]")),
                 ":2: back_node: back_nodes is there too"));
  CHECK(problem(with("")) ==
        "dir/proxy.toml:1: back_node: is missing: expected the back's name, host and port, for "
        "example \"back@192.0.2.1:9199\"");
  CHECK(contains(problem(with("back_node = \"b@h\"\nback_nodes_policy = \"random\"")),
                 "expected one of \"failover\", \"balance\""));
}

TEST_CASE("nodes: a back") {
  const auto loaded = back("external_ip = \"192.0.2.1\"");
  CHECK(loaded.warnings.empty());
  const auto& all = loaded.settings;
  CHECK(all.process.role == node_role::back);
  CHECK(all.link.node_name == "back");
  CHECK(all.client.ports.empty());
  CHECK(all.link.node_link.listen == parse_endpoint("0.0.0.0:9199"));
  CHECK(all.link.node_link.allowed_nodes == std::vector<std::string>{"front1", "front2"});
  const auto v6 =
      good(join(back_head, "[node_link]\nlisten = \"[::]:1\"\n", allowing, files)).settings;
  CHECK(v6.link.node_link.listen == parse_endpoint("[::]:1"));
}

TEST_CASE("nodes: what a back must have") {
  CHECK(problem(std::string{back_head}) ==
        "dir/proxy.toml:1: node_link: is missing: expected a table with listen, certificate, key, "
        "ca and allowed_nodes");
  const auto all = problems(join(back_head, "[node_link]\n"));
  REQUIRE(all.size() == 5);
  CHECK(contains(all[0], ":2: node_link.listen: is missing: expected the address and port"));
  CHECK(contains(all[1], "node_link.allowed_nodes: is missing: expected the names of the fronts"));
  CHECK(all[2] ==
        "dir/proxy.toml:2: node_link.certificate: is missing: expected the path of a PEM file; "
        "scripts/gen_dist_certs.sh makes them");
  CHECK(contains(all[3], "node_link.key: is missing"));
  CHECK(contains(all[4], "node_link.ca: is missing"));
  CHECK(contains(back_problem(join("listen = \"9199\"\n", allowing, files)),
                 ":3: node_link.listen: expected the address and port where fronts come"));
  CHECK(contains(back_problem(join(listening, "allowed_nodes = []\n", files)),
                 "expected at least one name: with none, no front may come"));
  CHECK(contains(back_problem(join(listening, "allowed_nodes = [\"a b\"]\n", files)),
                 "node_link.allowed_nodes: expected a name of at most 63 letters"));
  CHECK(contains(
      back_problem(join(listening, allowing, "key = \"\"\ncertificate = \"a\"\n", "ca = \"a\"\n")),
      "node_link.key: expected the path of a PEM file"));
  CHECK(contains(back_problem(join(listening, allowing, files, "timeout_sec = 2\n")),
                 "at least 3 and at most 600"));
  CHECK(contains(back_problem(join(listening, allowing, files, "timeout = 5\n")),
                 "node_link.timeout: is not a known option"));
}

TEST_CASE("nodes: what a front must have") {
  const std::string head = join(front_head, port);
  CHECK(contains(problem(head), "node_link: is missing: expected a table with certificate, key"));
  CHECK(problems(join(head, "[node_link]\n")).size() == 3);
}

TEST_CASE("nodes: transports without checks of names are for closed networks, with a cookie") {
  const std::string plain = "transport = \"plain\"\n";
  const std::string address = "listen = \"10.8.0.2:9199\"\n";
  const auto all = good(join(back_head, "[node_link]\n", plain, address, cookie)).settings;
  CHECK(all.link.node_link.security == link_security::plain);
  CHECK(good(join(front_head, "[node_link]\n", plain, cookie, port)).settings.process.role ==
        node_role::front);
  const std::string caf = "transport = \"caf-openssl\"\n";
  CHECK(good(join(back_head, "[node_link]\n", caf, address, files, cookie))
            .settings.link.node_link.security == link_security::caf_openssl);

  CHECK(
      back_problem(join(plain, listening, cookie)) ==
      "dir/proxy.toml:4: node_link.listen: transport \"plain\" is not for open networks: expected "
      "the address of a tunnel or a closed network, found 0.0.0.0:9199 (every address)");
  CHECK(contains(back_problem(join(caf, "listen = \"[::]:9199\"\n", files, cookie)),
                 "transport \"caf-openssl\" is not for open networks"));
  CHECK(contains(back_problem(join(plain, address)),
                 "node_link.cluster_cookie: is missing: expected a text of at least 16"));
  CHECK(contains(back_problem(join(caf, address, files)), "node_link.cluster_cookie: is missing"));
  CHECK(contains(back_problem(join(plain, address, cookie, "ca = \"x\"\n")),
                 "node_link.ca: transport \"plain\" encrypts nothing and has no certificates"));
  CHECK(problems(join(back_head, "[node_link]\n", caf, address, cookie)).size() == 3);
  for (const auto& transport : {plain, join(caf, files)})
    CHECK(contains(back_problem(join(transport, address, cookie, allowing)),
                   "can't check names, whoever has the cookie may come"));
  CHECK(contains(back_problem(join("transport = \"ssl\"\n", listening, allowing, files)),
                 "expected one of \"tls\", \"plain\", \"caf-openssl\""));
}

TEST_CASE("nodes: the cookie is never shown, not even a wrong one") {
  for (const std::string wrong : {"\"0123456789abcde\"", "123456789012345678", "\"hunter2\""}) {
    const auto text =
        back_problem(join(listening, allowing, files, "cluster_cookie = ", wrong, "\n"));
    CHECK(
        contains(text, ":8: node_link.cluster_cookie: expected a text of at least 16 characters"));
    CHECK_FALSE(contains(text, wrong.substr(1, wrong.size() - 2)));
  }
}

TEST_CASE("nodes: a key in the place of its file's path is refused, and not shown") {
  const std::string pem =
      "\"\"\"-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\"\"\"\n";
  const auto with = [&](const std::string& replaced) {
    std::string lines;
    for (const std::string name : {"certificate", "key", "ca"})
      lines += name + " = " + (name == replaced ? pem : "\"a.pem\"\n");
    return back_problem(join(listening, allowing, lines));
  };
  CHECK(with("key") ==
        "dir/proxy.toml:6: node_link.key: expected the path of a PEM file; "
        "scripts/gen_dist_certs.sh makes them, found a text of 60 characters");
  // Such a file may hold the key, too.
  for (const std::string name : {"certificate", "ca"})
    CHECK(with(name).ends_with(", found a text of several lines"));
}

TEST_CASE("nodes: what another role has is refused where somebody may count on it") {
  const auto both = [](const std::string& line) { return problem(join(line, "\n", port)); };
  const std::string_view only_front =
      "only a front has backs: set node_role = \"front\", or remove it";
  CHECK(both("back_node = \"b@h\"") == join("dir/proxy.toml:1: back_node: ", only_front));
  CHECK(contains(both("back_nodes = [\"b@h\"]"), only_front));
  CHECK(contains(both("back_nodes_policy = \"failover\""), only_front));
  CHECK(contains(both("[node_link]\ntimeout_sec = 5"),
                 "node_link: a node of role \"both\" has no link"));
  const std::string link = join("[node_link]\n", listening, allowing, files);
  CHECK(contains(problem(join(back_head, "back_node = \"b@h\"\n", link)), only_front));
  CHECK(problem(join(back_head, link, port)) ==
        "dir/proxy.toml:8: ports: a back has no clients: remove it here, or set node_role = "
        "\"both\"");
  // One mistake, one message.
  CHECK(contains(problem(join("node_role = \"frnt\"\nback_node = \"b@h\"\n", link, port)),
                 ":1: node_role: expected one of \"both\", \"front\", \"back\", found \"frnt\""));
  CHECK(contains(both("node_name = \"a b\""), "node_name: expected a name of at most 63"));
}

TEST_CASE("nodes: what has no effect in a role is told") {
  const auto of_front = front("init_dc_connections = 3", join(listening, allowing));
  CHECK(texts(of_front.warnings) ==
        std::vector<std::string>{
            "dir/proxy.toml:3: init_dc_connections: has no effect on a front: set it on its backs",
            "dir/proxy.toml:8: node_link.listen: has no effect on a front: it goes to its backs",
            "dir/proxy.toml:9: node_link.allowed_nodes: has no effect on a front: nobody comes to "
            "it, and it goes to whom back_node names"});
  CHECK_FALSE(of_front.settings.link.node_link.listen);
  CHECK(texts(back("max_connections = 3").warnings) ==
        std::vector<std::string>{
            "dir/proxy.toml:2: max_connections: has no effect on a back: set it on the fronts"});
  CHECK(back("listen_ip = \"::\"").warnings.size() == 1);
  // Links show them; and clients wait on either node.
  CHECK(front("external_ip = \"192.0.2.9\"\ndc_wait_timeout_sec = 5").warnings.empty());
  CHECK(front("external_ipv6 = \"2001:db8::9\"").warnings.empty());
  CHECK(back("dc_wait_timeout_sec = 5\nconf_refresh_interval = 9").warnings.empty());
}

}  // namespace
}  // namespace mtp::config
