// Columns of text, aligned.
#pragma once

#include <string>
#include <vector>

namespace mtp::app {

/// Stands in an empty cell.
inline constexpr const char* no_value = "-";

class text_table {
 public:
  struct column {
    std::string title;
    /// Numbers stand on the right.
    bool right = false;
  };
  explicit text_table(std::vector<column> columns) : columns_{std::move(columns)} {}

  /// One cell a column. Bytes that are not printable ASCII are shown as '?'.
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// Titles and rows, a line each; columns without anything in them are left out.
  [[nodiscard]] std::string to_text() const;

 private:
  std::vector<column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mtp::app
