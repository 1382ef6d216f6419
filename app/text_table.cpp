#include "app/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "codecs/base/text.hpp"

namespace mtp::app {

void text_table::add(std::vector<std::string> cells) {
  for (auto& cell : cells)
    cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string text_table::to_text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = 0;
    for (const auto& row : rows_)
      widest = std::max(widest, row[i].size());
    widths.push_back(widest == 0 ? 0 : std::max(widest, columns_[i].title.size()));
  }
  std::string text;
  const auto add_line = [&](const auto& cell) {
    const auto begin = text.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == 0) continue;
      if (text.size() > begin) text += "  ";
      if (columns_[i].right)
        text += fmt::format("{:>{}}", cell(i), widths[i]);
      else
        text += fmt::format("{:<{}}", cell(i), widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  add_line([&](std::size_t i) { return columns_[i].title; });
  for (const auto& row : rows_)
    add_line([&](std::size_t i) { return row[i]; });
  return text;
}

}  // namespace mtp::app
