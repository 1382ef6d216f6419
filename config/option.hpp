// A row of the option table: everything about one option. The rows are in config/option_table;
// config/option_values makes the functions that read and show their values.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace mtp::config {

class toml_reader;

/// When a change in the file applies, once the file has been read again.
enum class change_time : std::uint8_t {
  /// At once, also to connections that are open.
  live,
  /// To connections that are made afterwards: of clients, to Telegram or between nodes.
  new_connections,
  /// At the next start.
  restart,
};

/// As doc/config.md has it: "at once", "new connections", "restart".
[[nodiscard]] std::string_view to_string(change_time when) noexcept;

/// Roles in which an option means something.
struct role_set {
  bool both = false;
  bool front = false;
  bool back = false;

  [[nodiscard]] constexpr bool contains(node_role role) const noexcept {
    switch (role) {
      case node_role::both:
        return both;
      case node_role::front:
        return front;
      case node_role::back:
        return back;
    }
    return false;
  }
};

inline constexpr role_set every_role{.both = true, .front = true, .back = true};
inline constexpr role_set with_clients{.both = true, .front = true};
inline constexpr role_set with_telegram{.both = true, .back = true};
inline constexpr role_set with_node_link{.front = true, .back = true};
inline constexpr role_set only_front{.front = true};
inline constexpr role_set only_back{.back = true};

/// The treatment of an option in a role that does not use it.
struct misplaced {
  /// An error where an operator may count on the option; else a warning.
  bool refused = false;
  /// Empty: that it has no effect, and which node to set it on.
  std::string_view text;
};

/// Where an option's value stands in the file.
enum class option_shape : std::uint8_t {
  value,
  /// A table, whose options have rows of their own.
  table,
  /// `[[ports]]`, whose options are the rows of `port_options`.
  ports,
};

/// Shown for a value that the file does not give.
inline constexpr std::string_view not_set = "(not set)";

/// How a value gets from the file into a `Target`, and back into text.
template <class Target>
struct option_value {
  /// Reads the value at `key`. A wrong value is reported, and the target stays as it is.
  std::function<void(toml_reader& in, std::string_view key, Target& into)> read;
  /// As an operator would write it, or `not_set`; different values give different texts. Empty for
  /// an option that is only checked, or is another spelling of one that has its own row.
  std::function<std::string(const Target& from)> show;
  /// "from 512 to 16777216" or "at least 64"; empty where any number will do.
  std::string bounds;
  /// A value as TOML that is not the default. Empty for texts: their rows have an example.
  std::string sample;
};

template <class Target>
struct basic_option {
  /// The table that it is in; empty: the file's top, or `[[ports]]`.
  std::string_view table = {};
  std::string_view key;
  option_shape shape = option_shape::value;
  option_value<Target> value;
  /// Markdown, if the default is not a plain value; else the default is the struct's.
  std::string_view shown_default = {};
  std::string_view unit = {};
  role_set roles = every_role;
  misplaced elsewhere = {};
  change_time applies;
  /// No message, difference or template shows its value.
  bool secret = false;
  /// Whether the Erlang proxy has it.
  bool original = true;
  /// Text of the warning for an option that is accepted and changes nothing.
  std::string_view no_effect = {};
  /// Text of the error if the option is missing, where it is always required.
  std::string_view required = {};
  /// A valid value that is not the default, as TOML.
  std::string_view example = {};
  /// One line of documentation, in markdown.
  std::string_view line;
};

using option = basic_option<settings>;
using port_option = basic_option<port_settings>;

}  // namespace mtp::config
