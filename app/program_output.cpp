#include "app/program_output.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <mutex>

namespace mtp::app {

namespace {

using namespace std::chrono_literals;

constexpr const char* line_pattern = "%Y-%m-%d %H:%M:%S.%e %l %v";
/// Some thousand lines.
constexpr std::size_t max_waiting_bytes = std::size_t{512} << 10;
/// For what waits at the end.
constexpr auto end_patience = 1s;

class writer_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit writer_sink(std::shared_ptr<output_writer> writer) : writer_{std::move(writer)} {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_->write(fmt::to_string(line));
  }
  /// Nothing is held back.
  void flush_() override {}

  std::shared_ptr<output_writer> writer_;
};

/// A line of the log.
std::string describe_lost(std::size_t lines) {
  const auto text =
      fmt::format("{} lines of the log are missing here: nobody took them in time", lines);
  spdlog::memory_buf_t line;
  spdlog::pattern_formatter{line_pattern}.format({"", spdlog::level::warn, text}, line);
  return fmt::to_string(line);
}

}  // namespace

program_output::program_output(const std::string& log_level)
    : log_{std::make_shared<output_writer>(STDERR_FILENO, max_waiting_bytes, "log", describe_lost)},
      // Links are the same each time they are printed.
      links_{STDOUT_FILENO, max_waiting_bytes, "links", [](std::size_t) { return std::string{}; }} {
  auto logger = std::make_shared<spdlog::logger>("", std::make_shared<writer_sink>(log_));
  spdlog::set_default_logger(std::move(logger));
  spdlog::set_pattern(line_pattern);
  spdlog::set_level(spdlog::level::from_str(log_level));
}

bool program_output::finish() {
  const auto deadline = output_writer::clock::now() + end_patience;
  const bool is_logged = log_->finish(deadline);
  return links_.finish(deadline) && is_logged;
}

int program_output::end(int status) {
  if (!finish()) ::_exit(status);
  return status;
}

void program_output::end_at_once(int status) {
  static_cast<void>(finish());
  ::_exit(status);
}

}  // namespace mtp::app
