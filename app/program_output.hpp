// What a running proxy says: the log on the standard error output, links on the standard output.
#pragma once

#include <memory>
#include <string>

#include "app/output_writer.hpp"

namespace mtp::app {

/// Logging and printing never wait for the reader of either (app/output_writer.hpp).
class program_output {
 public:
  /// From now on spdlog's default logger goes to the standard error output. `log_level` as spdlog
  /// calls it.
  explicit program_output(const std::string& log_level);
  /// To the standard output. Any thread.
  void print(std::string text) { links_.write(std::move(text)); }
  /// The last thing that a process does: waits, for a second at the most, until all of it is
  /// written, and returns `status`. If a reader is stuck, ends the process with `status`.
  [[nodiscard]] int end(int status);
  /// The same, without destructors.
  [[noreturn]] void end_at_once(int status);

 private:
  bool finish();

  /// spdlog keeps the logger until the process ends.
  std::shared_ptr<output_writer> log_;
  output_writer links_;
};

}  // namespace mtp::app
