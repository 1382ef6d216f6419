// Makes the `option_value` of a row: the member that holds the value, and the values that are
// allowed. A member is a pointer to it, `at(...)` for a member of a struct inside, or a `computed`
// value.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <type_traits>

#include "config/option.hpp"
#include "config/option_forms.hpp"
#include "config/toml_reader.hpp"

namespace mtp::config {

/// The member at the end of this way: `at(&settings::link, &link_config::node_link,
/// &node_link_settings::timeout)`.
template <class... Members>
auto at(Members... members) {
  return [=](auto& target) -> auto& {
    return (target.*....*members);
  };
}

/// A value that is no member by itself: how to get it, and how to set it.
template <class Get, class Set>
struct computed {
  Get get;
  Set set;
};
template <class Get, class Set>
computed(Get, Set) -> computed<Get, Set>;

/// Whole numbers, as the file has them; the member's are `scale` times as large.
struct number_range {
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t scale = 1;
};

namespace detail {

template <class Value>
struct optional_traits {
  static constexpr bool is_optional = false;
  using type = Value;
};
template <class Value>
struct optional_traits<std::optional<Value>> {
  static constexpr bool is_optional = true;
  using type = Value;
};

template <class Member, class Target>
decltype(auto) get(const Member& member, const Target& from) {
  return std::invoke(member, from);
}
template <class Get, class Set, class Target>
auto get(const computed<Get, Set>& value, const Target& from) {
  return value.get(from);
}

template <class Member, class Target, class Value>
void set(const Member& member, Target& into, Value value) {
  std::invoke(member, into) = std::move(value);
}
template <class Get, class Set, class Target, class Value>
void set(const computed<Get, Set>& member, Target& into, Value value) {
  member.set(into, std::move(value));
}

/// The type of a member's value.
template <class Member, class Target>
using value_of =
    std::remove_cvref_t<decltype(get(std::declval<Member>(), std::declval<const Target&>()))>;
/// The same, without `std::optional`.
template <class Member, class Target>
using plain_value_of = typename optional_traits<value_of<Member, Target>>::type;

/// `show` of the value, or `not_set`.
template <class Form, class Value, class Show>
std::string show_form(const Value& value, const Show& show) {
  if constexpr (std::is_same_v<Form, Value> || !optional_traits<Value>::is_optional)
    return show(value);
  else
    return value ? show(*value) : std::string{not_set};
}

template <class Item, class Show>
std::string show_list(const std::vector<Item>& items, const Show& show) {
  std::string text;
  for (const auto& item : items)
    text += (text.empty() ? "" : ", ") + show(item);
  return '[' + text + ']';
}

template <class Number>
Number from_whole(std::int64_t whole) {
  if constexpr (std::is_arithmetic_v<Number>)
    return static_cast<Number>(whole);
  else
    return Number{whole};
}

template <class Number>
std::int64_t to_whole(const Number& number) {
  if constexpr (std::is_arithmetic_v<Number>)
    return static_cast<std::int64_t>(number);
  else
    return number.count();
}

/// "from 512 to 16777216", "at least 64", or nothing.
[[nodiscard]] std::string describe(const number_range& range);

}  // namespace detail

/// The kinds of values, for options that a `Target` holds.
template <class Target>
struct values {
  using value = option_value<Target>;

  /// A whole number or a duration, in the member's unit. One below `least` is one that is not set.
  template <class Member>
  static value whole(Member member, number_range range) {
    return ranged(member, range, detail::describe(range));
  }

  /// A duration of at most a year, unless the range says otherwise.
  template <class Member>
  static value duration(Member member, number_range range = {.least = 1}) {
    const auto bounds = detail::describe(range);
    constexpr std::chrono::hours year{366 * 24};
    if (range.most == number_range{}.most)
      range.most = std::chrono::duration_cast<detail::plain_value_of<Member, Target>>(year).count();
    return ranged(member, range, bounds);
  }

  /// A number that may have a fraction.
  template <class Member>
  static value real(Member member, double least) {
    return {.read =
                [=](toml_reader& in, std::string_view key, Target& into) {
                  const auto* const node = in.find(key);
                  const auto number = node->value<double>();
                  if (number && *number >= least)
                    detail::set(member, into, *number);
                  else
                    in.wrong(*node, key, fmt::format("a number of at least {}", least));
                },
            .show =
                [=](const Target& from) {
                  return detail::show_form<double>(detail::get(member, from), [](double number) {
                    return fmt::format("{}", number);
                  });
                },
            .bounds = fmt::format("at least {}", least),
            .sample = fmt::format("{}", least + 0.5)};
  }

  template <class Member>
  static value boolean(Member member) {
    const bool normally = detail::get(member, Target{});
    return {.read =
                [=](toml_reader& in, std::string_view key, Target& into) {
                  bool on = detail::get(member, into);
                  in.boolean(key, on);
                  detail::set(member, into, on);
                },
            .show =
                [=](const Target& from) {
                  return std::string{detail::get(member, from) ? "\"on\"" : "\"off\""};
                },
            .sample = normally ? "false" : "true"};
  }

  /// One of these words.
  template <class Member>
  static value word(
      Member member,
      std::vector<std::pair<std::string_view, detail::value_of<Member, Target>>> words) {
    const auto is_default = [normally = detail::get(member, Target{})](const auto& word) {
      return word.second == normally;
    };
    const auto sample = std::ranges::find_if_not(words, is_default)->first;
    return {.read =
                [=](toml_reader& in, std::string_view key, Target& into) {
                  auto chosen = detail::get(member, into);
                  in.choice(key, chosen, words);
                  detail::set(member, into, chosen);
                },
            .show =
                [=](const Target& from) {
                  for (const auto& [name, meaning] : words)
                    if (meaning == detail::get(member, from)) return quoted(std::string{name});
                  return std::string{not_set};
                },
            .sample = quoted(std::string{sample})};
  }

  /// A text that `form` understands.
  template <class Member, class Form>
  static value text(Member member, const text_form<Form>& form) {
    return {.read =
                [=](toml_reader& in, std::string_view key, Target& into) {
                  std::optional<Form> read;
                  in.parsed(key, read, std::string{form.wanted}, form.parse);
                  if (read) detail::set(member, into, std::move(*read));
                },
            .show =
                [=](const Target& from) {
                  return detail::show_form<Form>(detail::get(member, from), form.show);
                }};
  }

  /// A path, relative to the file unless it is empty.
  template <class Member>
  static value path(Member member, const text_form<std::string>& form) {
    auto plain = text(member, form);
    return {.read =
                [=](toml_reader& in, std::string_view key, Target& into) {
                  std::optional<std::string> read;
                  in.parsed(key, read, std::string{form.wanted}, form.parse);
                  if (read)
                    detail::set(member, into, read->empty() ? *read : in.beside_file(*read));
                },
            .show = std::move(plain.show)};
  }

  /// A list of texts. An empty list is an error with the text `empty_text`, unless that is empty.
  template <class Member, class Form>
  static value list(Member member, const text_form<Form>& form, std::string_view empty_text = {}) {
    return {.read =
                [=](toml_reader& in, std::string_view key, Target& into) {
                  std::vector<Form> read;
                  in.list(key, read, std::string{form.wanted}, form.parse);
                  const auto* const items = in.find(key)->as_array();
                  if (items == nullptr) return;
                  if (items->empty() && !empty_text.empty())
                    in.problem(*in.find(key), key, std::string{empty_text});
                  detail::set(member, into, std::move(read));
                },
            .show =
                [=](const Target& from) {
                  return detail::show_form<std::vector<Form>>(
                      detail::get(member, from),
                      [&](const auto& items) { return detail::show_list(items, form.show); });
                }};
  }

  /// Another spelling of an option that has its own row: it is read, and the other row shows it.
  static value spelling_of(value other) {
    other.show = nullptr;
    return other;
  }

  /// A number that is checked and changes nothing.
  static value unused_number(number_range range) {
    return {.read = [=](toml_reader& in, std::string_view key, Target&) {
      static_cast<void>(in.whole(key, range.least, range.most));
    }};
  }

  /// Anything at all, which changes nothing.
  static value unused() {
    return {.read = [](toml_reader& in, std::string_view key, Target&) {
      static_cast<void>(in.find(key));
    }};
  }

  /// Only this word is allowed; another one is an error with the text `problem`.
  static value only(std::string_view word, std::string_view problem) {
    return {.read = [=](toml_reader& in, std::string_view key, Target&) {
      std::string read{word};
      in.parsed(key, read, std::string{any_text.wanted}, any_text.parse);
      if (read != word) in.problem(*in.find(key), key, std::string{problem});
    }};
  }

  /// Only an empty list is allowed; anything else is an error with the text `problem`.
  static value only_empty(std::string_view problem) {
    return {.read = [=](toml_reader& in, std::string_view key, Target&) {
      const auto* const items = in.find(key)->as_array();
      if (items == nullptr || !items->empty()) in.problem(*in.find(key), key, std::string{problem});
    }};
  }

 private:
  template <class Member>
  static value ranged(Member member, number_range range, const std::string& bounds) {
    using number = detail::plain_value_of<Member, Target>;
    const auto show = [=](const Target& from) {
      return detail::show_form<number>(detail::get(member, from), [&](const number& held) {
        const auto whole = detail::to_whole(held) / range.scale;
        return whole < range.least ? std::string{not_set} : std::to_string(whole);
      });
    };
    const bool least_is_default = show(Target{}) == std::to_string(range.least);
    return {.read =
                [=](toml_reader& in, std::string_view key, Target& into) {
                  if (const auto whole = in.whole(key, range.least, range.most))
                    detail::set(member, into, detail::from_whole<number>(*whole * range.scale));
                },
            .show = show,
            .bounds = bounds,
            .sample = std::to_string(range.least + (least_is_default ? 1 : 0))};
  }
};

}  // namespace mtp::config
