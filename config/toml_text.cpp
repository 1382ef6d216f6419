#include "config/toml_text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "codecs/base/text.hpp"

namespace mtp::config {

namespace {

constexpr std::size_t longest_file = std::size_t{1024} * 1024;

/// What the parser says: "Error while parsing integer: '123' is not representable in 64 bits".
/// Where it expected something, it quotes the character that it found; elsewhere whole values and
/// keys.
std::string without_quotes(std::string_view description) {
  constexpr std::size_t longest = 120;
  const auto rest = description.find(": ");
  const bool quotes_a_character =
      rest != std::string_view::npos && description.substr(rest + 2).starts_with("expected ");
  if (!quotes_a_character) {
    description = description.substr(0, description.find_first_of("'\"`"));
    description = description.substr(0, description.find_last_not_of(": ") + 1);
  }
  return printable(description.substr(0, longest));
}

config_problem from_parser(const toml::parse_error& error, const std::string& name) {
  const auto at = error.source().begin;
  return {.line = at.line,
          .where = fmt::format("{}:{}", name, at.line),
          .text = fmt::format("is not TOML at column {}: {} (texts need quotes around them)",
                              at.column, without_quotes(error.description()))};
}

tl::unexpected<config_problem> about_file(const std::string& path, const std::string& text) {
  return tl::unexpected{config_problem{.line = 0, .where = path, .text = text}};
}

}  // namespace

tl::expected<toml::table, config_problem> read_toml(std::string_view text,
                                                    const std::string& name) {
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& e) {
    return tl::unexpected{from_parser(e, name)};
  }
}

tl::expected<toml::table, config_problem> read_toml_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return about_file(path, "is a directory, not a TOML file");
  std::ifstream in{path, std::ios::binary};
  if (!in) return about_file(path, "can't be read: " + std::generic_category().message(errno));
  std::string text(longest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > longest_file) return about_file(path, "is longer than 1 MiB");
  return read_toml(text, path);
}

}  // namespace mtp::config
