#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/skipped.hpp"

namespace {

std::mutex skipped_mutex;
const doctest::TestCaseData* running_test = nullptr;
std::vector<std::string> skipped;

/// Says again at the end what has failed: what programs logged meanwhile may be thousands of lines,
/// and who reads the log of a CI may be shown only the last ones. And what was skipped: a good end
/// must not look better than it is.
class failure_list final : public doctest::IReporter {
 public:
  explicit failure_list(const doctest::ContextOptions& options) : options_{&options} {}

  void test_case_start(const doctest::TestCaseData& test_case) override {
    test_case_ = &test_case;
    running_test = &test_case;
  }
  void test_case_exception(const doctest::TestCaseException& exception) override {
    add(test_case_->m_file.c_str(), static_cast<int>(test_case_->m_line),
        exception.error_string.c_str());
  }
  void log_assert(const doctest::AssertData& assertion) override {
    if (!assertion.m_failed) return;
    const std::string expression = assertion.m_expr;
    const std::string values = assertion.m_decomp.c_str();
    add(assertion.m_file, assertion.m_line,
        values.empty() ? expression : expression + ", is " + values);
  }
  void log_message(const doctest::MessageData& message) override {
    if ((message.m_severity & doctest::assertType::is_warn) == 0)
      add(message.m_file, message.m_line, message.m_string.c_str());
  }
  void test_run_end(const doctest::TestRunStats&) override {
    list("Failed:\n", failures_);
    list("Skipped, as this machine lacks something:\n", skipped);
    if (const char* const file = std::getenv("MTP_SKIPPED"))
      for (std::ofstream list{file, std::ios::app}; const auto& text : skipped)
        list << text << '\n';
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  void add(const char* file, int line, const std::string& text) {
    const std::scoped_lock lock{mutex_};
    failures_.push_back(std::string{test_case_->m_name} + ": " + file + ":" + std::to_string(line) +
                        ": " + text);
  }

  void list(const char* head, const std::vector<std::string>& lines) const {
    if (lines.empty()) return;
    *options_->cout << head;
    for (const auto& line : lines)
      *options_->cout << line << '\n';
  }

  const doctest::ContextOptions* options_;
  const doctest::TestCaseData* test_case_ = nullptr;
  std::mutex mutex_;
  std::vector<std::string> failures_;
};

REGISTER_LISTENER("failure_list", 1, failure_list);

}  // namespace

void mtp::test::skip(const std::string& missing) {
  const std::scoped_lock lock{skipped_mutex};
  auto line = std::string{running_test->m_name} + ": " + missing;
  if (std::find(skipped.begin(), skipped.end(), line) != skipped.end()) return;
  MESSAGE("skipped: ", missing);
  skipped.push_back(std::move(line));
}
