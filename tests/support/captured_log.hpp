// What is logged while a test runs.
#pragma once

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

namespace mtp::test {

/// Takes the place of the log for as long as it lives. For tests of one thread.
class captured_log {
 public:
  captured_log() : before_{spdlog::default_logger()} {
    auto mine = std::make_shared<spdlog::logger>(
        "captured", std::make_shared<spdlog::sinks::ostream_sink_st>(captured_));
    mine->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(mine));
  }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;
  captured_log(captured_log&&) = delete;
  captured_log& operator=(captured_log&&) = delete;
  ~captured_log() { spdlog::set_default_logger(before_); }

  [[nodiscard]] std::string text() const { return captured_.str(); }
  /// How often that is in it; lines end with '\n'.
  [[nodiscard]] std::size_t count(const std::string& wanted) const {
    const auto all = text();
    std::size_t found = 0;
    for (auto at = all.find(wanted); at != std::string::npos; at = all.find(wanted, at + 1))
      ++found;
    return found;
  }

 private:
  std::ostringstream captured_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace mtp::test
