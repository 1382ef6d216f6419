// Secrets that are written wrong are in no message.
#include <doctest/doctest.h>

#include <iostream>
#include <sstream>

#include "app/command_line.hpp"
#include "tests/support/broken_secrets.hpp"

namespace mtp::app {
namespace {

using test::piece_in;

TEST_CASE("secrets: however wrong they are in the file, no message quotes them") {
  for (const auto& [config, value] : test::broken_secrets()) {
    const auto read = config::parse_settings(config, "dir/proxy.toml");
    REQUIRE_MESSAGE(!read, config);
    std::string all;
    for (const auto& problem : read.error())
      all += to_string(problem) + '\n';
    CHECK_MESSAGE(piece_in(value, all).empty(), config << "\n" << all);
    CHECK_MESSAGE(all.starts_with("dir/proxy.toml:"), all);
  }
}

/// What is printed to std::cerr while it lives.
class captured_errors {
 public:
  captured_errors() : before_{std::cerr.rdbuf(captured_.rdbuf())} {}
  captured_errors(const captured_errors&) = delete;
  captured_errors& operator=(const captured_errors&) = delete;
  captured_errors(captured_errors&&) = delete;
  captured_errors& operator=(captured_errors&&) = delete;
  ~captured_errors() { std::cerr.rdbuf(before_); }
  [[nodiscard]] std::string text() const { return captured_.str(); }

 private:
  std::ostringstream captured_;
  std::streambuf* before_;
};

/// Everything that is said about these arguments.
std::string complaints(std::vector<std::string> words) {
  words.insert(words.begin(), "mtproto-proxy");
  std::vector<const char*> arguments;
  for (const auto& word : words)
    arguments.push_back(word.c_str());
  const captured_errors errors;
  const auto parsed = parse_command_line(static_cast<int>(arguments.size()), arguments.data());
  std::string text = errors.text();
  if (const auto* const run = std::get_if<run_command>(&parsed)) {
    const auto settings = settings_of(*run);
    if (!settings)
      for (const auto& problem : settings.error())
        text += to_string(problem) + '\n';
  }
  return text;
}

TEST_CASE("secrets: however wrong they are in arguments, no message quotes them") {
  for (const std::string value :
       {"12345678901234567890123456789012", "d0d6e111bada5511fcce9584deadbeefaa",
        "Zm9vYmFyYmF6cXV1eHF1dXU", "deadbeefdeadbeefdeadbeefdeadbeef",
        "a secret, with = and ' in"}) {
    const std::vector<std::vector<std::string>> all{
        {"-p", "x", "-s", value},
        {"-p", value, "-s", value, "-t", value},
        {"-p", "1", "-s", value + "0", "-t", value + "0"},
        {"-p", "1", "-s" + value + "0"},
        {"-p", "1", "-s=" + value},
        {"-p", "1", "-s", value, "-s", value},
        {"-p", "1", "-t", value, "-t", value},
        {"-p", "1", "-s", value, value},
        {"-p", "1", "-S", value},
        {"-p", "1", "-S" + value},
        {"-p", "1", "-S=" + value},
        {"-p", "1", "--secret", value},
        {"-p", "1", "--secret=" + value},
        {"-p", "1", "--" + value},
        {"-p", "1", "-" + value},
        {"run", "-p", "1", value},
        {"check-config", "--secret=" + value},
        {value},
        {"-a", value, "-p", "1"},
        {"-d" + value, "-p", "1"},
        {"-d=" + value},
        {"run", "--link-agents=" + value},
        {"ping", "tg://proxy?secret=" + value, value},
        {"ping", "tg://proxy?secret=" + value, "--dc", value},
        {"ping", "tg://proxy?secret=" + value, "--proto", value},
        {"ping", "tg://proxy?secret=" + value, "--timeout", value},
        {"ping", "tg://proxy?secret=" + value, "--repeat=" + value},
        {"ping", "tg://proxy?secret=" + value, "-v=" + value},
        {"ping", "--secret", value},
        {"tg://proxy?server=a&port=1&secret=" + value},
        {"console", "-s", value},
        {"console", value},
        {"console", "-e", "tree", "-c", value, "--socket", value},
    };
    for (const auto& words : all) {
      const auto said = complaints(words);
      CHECK_MESSAGE(!said.empty(), words.back());
      CHECK_MESSAGE(piece_in(value, said).empty(), said);
    }
  }
}

TEST_CASE("secrets: what is wrong with arguments is told all the same") {
  CHECK(complaints({"--what=x", "y", "z"}) ==
        "error: --what and 2 arguments that are not shown were not expected\n"
        "Run with --help for more.\n");
  CHECK(complaints({"-Sx"}).starts_with("error: -S was not expected\n"));
  CHECK(complaints({"x"}).starts_with("error: 1 argument that is not shown was not expected\n"));
  CHECK(complaints({"-a", "ssl"}).starts_with("error: -a: expected TEXT:{dd,tls}\n"));
  CHECK(complaints({"ping", "x", "--timeout", "y"}).starts_with("error: --timeout: expected "));
  CHECK(complaints({"ping", "x", "--dc", "y"}).starts_with("error: --dc: expected INT"));
  CHECK(complaints({"ping"}).starts_with("error: link is required\n"));
  CHECK(complaints({"-s"}).starts_with("error: -s: 1 required"));
  CHECK(complaints({"console", "-e", "x", "-c", "f", "--socket", "s"}).find("excludes") !=
        std::string::npos);
}

}  // namespace
}  // namespace mtp::app
