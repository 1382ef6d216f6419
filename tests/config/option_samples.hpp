// A change of each option, by its row.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/option_table.hpp"
#include "config/toml_reader.hpp"

namespace mtp::test {

/// A value that is not the default, as TOML.
template <class Target>
std::string sample_of(const config::basic_option<Target>& row) {
  return row.value.sample.empty() ? std::string{row.example} : row.value.sample;
}

/// Gives `into` the option's sample. Requires a row with a value.
template <class Target>
void change(const config::basic_option<Target>& row, Target& into) {
  const auto line = std::string{row.key} + " = " + sample_of(row);
  const auto table = toml::parse(line);
  std::vector<config::config_problem> problems;
  std::vector<config::config_problem> warnings;
  config::toml_reader in{table, "proxy.toml", "", problems, warnings};
  row.value.read(in, row.key, into);
  CHECK_MESSAGE(problems.empty(), line);
}

/// The rows of options that hold a value of their own.
inline std::vector<config::option> rows_with_values() {
  std::vector<config::option> rows;
  for (const auto& group : config::option_groups())
    for (const auto& row : group.options)
      if (row.value.show) rows.push_back(row);
  return rows;
}

}  // namespace mtp::test
