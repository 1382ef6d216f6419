#include "app/command_line.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "codecs/base/text.hpp"
#include "tests/support/process.hpp"

namespace mtp::app {
namespace {

using config::protocol;

constexpr const char* secret = "00112233445566778899aabbccddeeff";
constexpr const char* tag = "ffeeddccbbaa99887766554433221100";

/// Sets a variable of the environment for as long as it lives.
class variable {
 public:
  variable(const char* name, const char* value) : name_{name} { setenv(name, value, 1); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;
  variable(variable&&) = delete;
  variable& operator=(variable&&) = delete;
  ~variable() { unsetenv(name_); }

 private:
  const char* name_;
};

command parse(std::vector<const char*> words) {
  words.insert(words.begin(), "mtproto-proxy");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

config::settings settings_for(const std::vector<const char*>& words) {
  const auto loaded = settings_of(std::get<run_command>(parse(words)));
  INFO((loaded ? std::string{} : to_string(loaded.error()[0])));
  REQUIRE(loaded);
  return loaded->settings;
}

std::string problem_of(const std::vector<const char*>& words) {
  const auto loaded = settings_of(std::get<run_command>(parse(words)));
  REQUIRE_FALSE(loaded);
  REQUIRE(loaded.error().size() == 1);
  return to_string(loaded.error()[0]);
}

TEST_CASE("command line: port, secret and tag as the original's start.sh takes them") {
  const auto all = settings_for({"-p", "1443", "-s", secret, "-t", tag});
  REQUIRE(all.client.ports.size() == 1);
  CHECK(all.client.ports[0].listen == *parse_endpoint("0.0.0.0:1443"));
  CHECK(to_hex(all.client.ports[0].secret) == secret);
  REQUIRE(all.client.ports[0].tag);
  CHECK(to_hex(*all.client.ports[0].tag) == tag);
  CHECK(all.client.allowed_protocols.size() == 4);
  CHECK_FALSE(settings_for({"run", "-p", "1443", "-s", secret}).client.ports[0].tag);
}

TEST_CASE("command line: -a restricts protocols, -d is its old form") {
  using list = std::vector<protocol>;
  const auto allowed = [](std::vector<const char*> more) {
    more.insert(more.begin(), {"-p", "1", "-s", secret});
    return settings_for(more).client.allowed_protocols;
  };
  CHECK(allowed({"-a", "dd"}) == list{protocol::mtp_secure});
  CHECK(allowed({"-d"}) == list{protocol::mtp_secure});
  CHECK(allowed({"-a", "tls"}) == list{protocol::mtp_fake_tls});
  CHECK(allowed({"-a", "dd", "-a", "tls"}) == list{protocol::mtp_fake_tls, protocol::mtp_secure});
}

TEST_CASE("command line: -a wins over the protocols of each port in the file") {
  const test::temporary_directory directory;
  const auto path = (directory.path() / "proxy.toml").string();
  std::ofstream{path} << "[[ports]]\nport = 1\nsecret = \"" << tag
                      << "\"\nallowed_protocols = [\"mtp_abridged\"]\n";
  CHECK(settings_for({"-c", path.c_str()}).client.ports[0].allowed_protocols ==
        std::vector{protocol::mtp_abridged});
  const auto given = settings_for({"-c", path.c_str(), "-a", "dd"});
  CHECK_FALSE(given.client.ports[0].allowed_protocols);
  CHECK(given.client.allowed_protocols == std::vector{protocol::mtp_secure});
}

TEST_CASE("command line: the environment fills in what the arguments leave open") {
  const variable port{"MTP_PORT", "1443"};
  const variable key{"MTP_SECRET", secret};
  const variable ad{"MTP_TAG", tag};
  const auto from_environment = settings_for({});
  CHECK(from_environment.client.ports[0].listen.port == 1443);
  CHECK(to_hex(from_environment.client.ports[0].secret) == secret);
  CHECK(from_environment.client.ports[0].tag);
  CHECK(settings_for({"-p", "1444"}).client.ports[0].listen.port == 1444);
  {
    const variable dd{"MTP_DD_ONLY", "true"};
    CHECK(settings_for({}).client.allowed_protocols == std::vector{protocol::mtp_secure});
  }
  {
    const variable tls{"MTP_TLS_ONLY", "true"};
    CHECK(settings_for({}).client.allowed_protocols == std::vector{protocol::mtp_fake_tls});
  }
  // Set and empty, as container tools do, is not set.
  const variable empty{"MTP_TLS_ONLY", ""};
  CHECK(settings_for({}).client.allowed_protocols.size() == 4);
}

TEST_CASE("command line: it takes the place of a file's ports, and keeps the rest") {
  const test::temporary_directory directory;
  const auto path = (directory.path() / "proxy.toml").string();
  std::ofstream{path} << "max_connections = 7\n[[ports]]\nport = 1\nsecret = \"" << tag << "\"\n";
  const auto of_file = settings_for({"-c", path.c_str()});
  CHECK(of_file.client.ports[0].listen.port == 1);
  const auto both = settings_for({"-c", path.c_str(), "-p", "2", "-s", secret});
  CHECK(both.client.max_connections == 7);
  REQUIRE(both.client.ports.size() == 1);
  CHECK(both.client.ports[0].listen.port == 2);
}

/// A file of a back that takes these fronts.
std::string write_back(const std::filesystem::path& directory, const std::string& fronts,
                       const std::string& more = {}) {
  auto path = (directory / "back.toml").string();
  std::ofstream{path} << "node_role = \"back\"\n"
                      << more << "\n[node_link]\nlisten = \"0.0.0.0:9199\"\nallowed_nodes = ["
                      << fronts << "]\ncertificate = \"b.pem\"\nkey = \"b.key\"\nca = \"ca.pem\"\n";
  return path;
}

TEST_CASE("command line: a front serves the port, a back has none") {
  const test::temporary_directory directory;
  const auto front = (directory.path() / "front.toml").string();
  std::ofstream{front} << "node_role = \"front\"\nback_node = \"back@h\"\n[node_link]\n"
                          "transport = \"plain\"\ncluster_cookie = \"0123456789abcdef\"\n";
  CHECK(settings_for({"-c", front.c_str(), "-p", "2", "-s", secret}).client.ports.size() == 1);
  CHECK(problem_of({"-c", front.c_str()}) == front + ": no port to serve: add a [[ports]] table");

  const auto back = write_back(directory.path(), "\"front1\"");
  CHECK(settings_for({"-c", back.c_str()}).client.ports.empty());
  CHECK(problem_of({"-c", back.c_str(), "-p", "2", "-s", secret}) ==
        "command line: a back has no clients: leave out -p, -s and -t (MTP_PORT, MTP_SECRET, "
        "MTP_TAG)");
  const auto with_filter =
      settings_of(std::get<run_command>(parse({"-c", back.c_str(), "-a", "dd"})));
  REQUIRE(with_filter);
  REQUIRE(with_filter->warnings.size() == 1);
  CHECK(to_string(with_filter->warnings[0]) ==
        "-a (MTP_DD_ONLY, MTP_TLS_ONLY): has no effect on a back");
}

TEST_CASE("command line: what is wrong is told, and secrets are not shown") {
  CHECK(problem_of({"-p", "70000", "-s", secret}) ==
        "-p or MTP_PORT: expected a port number, 1 to 65535");
  CHECK(problem_of({"-p", "1", "-s", "dd00112233445566778899aabbccddeeff"}) ==
        "-s or MTP_SECRET: expected 32 hexadecimal digits (without dd or ee in front)");
  CHECK(problem_of({"-p", "1", "-s", secret, "-t", "x"}) ==
        "-t or MTP_TAG: expected 32 hexadecimal digits");
  CHECK(problem_of({"-p", "1"}) ==
        "command line: a port (-p or MTP_PORT) and a secret (-s or MTP_SECRET) are needed "
        "together");
  CHECK(problem_of({}).starts_with("command line: give a configuration"));
}

TEST_CASE("command line: wrong arguments and help") {
  CHECK(std::get<exit_command>(parse({"--what"})).status == 2);
  CHECK(std::get<exit_command>(parse({"-a", "ssl"})).status == 2);
  CHECK(std::get<exit_command>(parse({"--help"})).status == 0);
  CHECK(std::get<exit_command>(parse({"ping"})).status == 2);
  CHECK(std::get<exit_command>(parse({"console"})).status == 2);
  CHECK(std::get<exit_command>(parse({"console", "-e"})).status == 2);
  CHECK(std::get<exit_command>(parse({"console", "-e", "x", "-c", "f", "--socket", "s"})).status ==
        2);
  CHECK(std::get<exit_command>(parse({"console", "--help"})).status == 0);
}

TEST_CASE("command line: the other commands") {
  CHECK(std::get<check_config_command>(parse({"check-config", "-c", "x"})).command.config == "x");
  const auto ping =
      std::get<ping_command>(parse({"ping", "tg://x", "--dc", "2,-3", "--timeout", "100"})).options;
  CHECK(ping.link == "tg://x");
  CHECK(ping.dcs == std::vector<dc_id>{2, -3});
  CHECK(ping.timeout == std::chrono::milliseconds{100});
  const auto console =
      std::get<console_command>(parse({"console", "-c", "x", "-e", "pools; links", "-e", "tree"}))
          .options;
  CHECK(console.config == "x");
  CHECK_FALSE(console.socket);
  CHECK(console.execute == std::vector<std::string>{"pools; links", "tree"});
  CHECK(std::get<console_command>(parse({"console", "--socket", "/s", "-e", "x"})).options.socket ==
        "/s");
  CHECK(std::get<run_command>(parse({"run", "--link-agents", "-c", "x"})).through_link_agents);
}

}  // namespace
}  // namespace mtp::app
