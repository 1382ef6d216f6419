// What is printed to std::cout while a test runs.
#pragma once

#include <iostream>
#include <sstream>

namespace mtp::test {

/// Takes the place of standard output for as long as it lives.
class captured_output {
 public:
  captured_output() : before_{std::cout.rdbuf(captured_.rdbuf())} {}
  captured_output(const captured_output&) = delete;
  captured_output& operator=(const captured_output&) = delete;
  captured_output(captured_output&&) = delete;
  captured_output& operator=(captured_output&&) = delete;
  ~captured_output() { std::cout.rdbuf(before_); }

  [[nodiscard]] std::string text() const { return captured_.str(); }

 private:
  std::ostringstream captured_;
  std::streambuf* before_;
};

}  // namespace mtp::test
