// Configurations in which a secret is written wrong, in every way that an operator may do it.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace mtp::test {

struct broken_secret {
  /// Never empty of mistakes, whatever is wrong with the secret: it has an unknown option, too.
  std::string config;
  /// What no message may hold, nor 8 bytes of it.
  std::string value;
};

/// Of every secret option, with values of every kind.
[[nodiscard]] inline std::vector<broken_secret> broken_secrets() {
  /// Where an option is written.
  struct option {
    std::string_view name;
    std::string_view head;
  };
  static constexpr std::array options{
      option{"secret", "[[ports]]\nport = 1\n"},
      option{"tag", "[[ports]]\nport = 1\nsecret = \"00000000000000000000000000000000\"\n"},
      option{"per_sni_secret_salt", ""},
      option{"cluster_cookie", "node_role = \"back\"\n[node_link]\ntransport = \"plain\"\n"},
      option{"key", "node_role = \"back\"\n[node_link]\n"}};
  static constexpr std::array<std::string_view, 6> values{
      "12345678901234567890123456789012", "d0d6e111bada5511fcce9584deadbeef",
      "ddd0d6e111bada5511fcce9584deadbeef", "Zm9vYmFyYmF6cXV1eHF1dXU",
      // A quote where a message may end one.
      "it's 'a' \"secret\", you know", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh"};
  // K is the option, V the value.
  static constexpr std::array<std::string_view, 62> spellings{"K = V",
                                                              "K = \"V",
                                                              "K = V\"",
                                                              "K = 'V",
                                                              "K = \"V'",
                                                              "K = \"\"\"V",
                                                              "K = '''V''",
                                                              "K = \"\"\"V\"\"\"",
                                                              "K = '''V'''",
                                                              "K = \"V\"",
                                                              "K = 'V'",
                                                              "K = \" V\"",
                                                              "K = \"V \"",
                                                              "K = \"VV\"",
                                                              "K = \"V\"x",
                                                              "K = \"V\" \"V\"",
                                                              "K = \"V\", x = \"V\"",
                                                              "K = \"V\"\nK = \"V\"",
                                                              "K = 'V'\nK = 1",
                                                              "K=V",
                                                              "K  =   V  # V",
                                                              "K : V",
                                                              "K : \"V\"",
                                                              "K \"V\"",
                                                              "K V",
                                                              "K == \"V\"",
                                                              "K = = \"V\"",
                                                              "K = (\"V\")",
                                                              "K = [\"V\"]",
                                                              "K = ['V', V]",
                                                              "K = [\"V\"",
                                                              "K = { V = 1 }",
                                                              "K = { x = \"V\" }",
                                                              "K = { \"V\" = \"V\" }",
                                                              "K = { x = V }",
                                                              "K.V = 1",
                                                              "K.\"V\" = 1",
                                                              "K.'V' = 1\nK.'V' = 2",
                                                              "V = \"K\"",
                                                              "\"V\" = 1",
                                                              "'V' = 1\n'V' = 1",
                                                              "V",
                                                              "\"V\"",
                                                              "K = 0xV",
                                                              "K = 0bV",
                                                              "K = +V",
                                                              "K = -V",
                                                              "K = 1V",
                                                              "K = V.5",
                                                              "K = VeV",
                                                              "K = _V",
                                                              "K = truV",
                                                              "K = infV",
                                                              "K = 2026-01-V",
                                                              "K = \"\\V\"",
                                                              "K = \"\\uV\"",
                                                              "K = \"V\\",
                                                              "K = \"\tV\x01\"",
                                                              "K = V\r",
                                                              "[K]\nV = 1",
                                                              "[K.V]\n[K.V]",
                                                              "[V]\n[V]"};
  const auto filled = [](std::string_view text, std::string_view name, std::string_view value) {
    std::string line;
    for (const char c : text) {
      if (c == 'K')
        line += name;
      else if (c == 'V')
        line += value;
      else
        line += c;
    }
    return line;
  };
  std::vector<broken_secret> secrets;
  for (const auto& option : options)
    for (const auto value : values)
      for (const auto spelling : spellings)
        secrets.push_back({.config = "unknown_option = 1\n" + std::string{option.head} +
                                     filled(spelling, option.name, value) + '\n',
                           .value = std::string{value}});
  return secrets;
}

/// The first 8 bytes of `value` in a row that are in `text`; empty if there are none.
[[nodiscard]] inline std::string piece_in(std::string_view value, std::string_view text) {
  constexpr std::size_t size = 8;
  for (std::size_t at = 0; at + size <= value.size(); ++at)
    if (text.find(value.substr(at, size)) != std::string_view::npos)
      return std::string{value.substr(at, size)};
  return {};
}

}  // namespace mtp::test
