#include "app/argument_errors.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace mtp::app {

namespace {

/// The option of which `text` begins to speak; null if there is none.
const CLI::Option* find_option(const CLI::App& app, std::string_view text) {
  for (const auto* const option : app.get_options()) {
    const auto name = option->get_name();
    if (text.starts_with(name + ": ") || text.starts_with(name + " = ")) return option;
  }
  for (const auto* const sub : app.get_subcommands(nullptr))
    if (const auto* const option = find_option(*sub, text)) return option;
  return nullptr;
}

/// The name in an argument that looks like "-x", "-xVALUE", "--long" or "--long=VALUE"; else
/// nothing.
std::string option_name(std::string_view argument) {
  constexpr std::size_t longest = 20;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto name = argument.substr(0, argument.find('='));
  if (name.starts_with("--"))
    return name.size() > 2 && name.size() <= longest &&
                   std::ranges::all_of(name.substr(2),
                                       [&](char c) { return is_letter(c) || c == '-'; })
               ? std::string{name}
               : std::string{};
  const bool is_short = name.size() >= 2 && name[0] == '-' && is_letter(name[1]);
  return is_short ? std::string{name.substr(0, 2)} : std::string{};
}

std::string describe_extras(const std::vector<std::string>& extras) {
  std::string names;
  std::size_t unnamed = 0;
  for (const auto& extra : extras) {
    const auto name = option_name(extra);
    if (name.empty())
      ++unnamed;
    else
      names += (names.empty() ? "" : ", ") + name;
  }
  if (unnamed > 0)
    names += fmt::format("{}{} argument{} that {} not shown", names.empty() ? "" : " and ", unnamed,
                         unnamed == 1 ? "" : "s", unnamed == 1 ? "is" : "are");
  return names + (extras.size() == 1 ? " was not expected" : " were not expected");
}

}  // namespace

std::string describe_argument_error(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
    return describe_extras(app.remaining(true));
  // These have names and numbers only.
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ||
      dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr ||
      dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
    return error.what();
  constexpr std::string_view conversion = "Could not convert: ";
  std::string_view subject = error.what();
  if (subject.starts_with(conversion)) subject.remove_prefix(conversion.size());
  if (const auto* const option = find_option(app, subject))
    return fmt::format("{}: expected {}", option->get_name(), option->get_type_name());
  return "the arguments can't be used";
}

}  // namespace mtp::app
