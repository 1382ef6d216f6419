// Counts what is left of the process's descriptors.
#include "net/loop/free_descriptors.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {
namespace {

/// The process may have 40 descriptors more than now, for as long as this lives.
class few_descriptors {
 public:
  few_descriptors() {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const unique_fd next{dup(STDERR_FILENO)};
    REQUIRE(next);
    auto few = before_;
    few.rlim_cur = static_cast<rlim_t>(next.get()) + 40;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;
  few_descriptors(few_descriptors&&) = delete;
  few_descriptors& operator=(few_descriptors&&) = delete;
  ~few_descriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

struct opened_files {
  std::vector<unique_fd> files;

  void open_all() {
    while (true) {
      unique_fd file{dup(STDERR_FILENO)};
      if (!file) return;
      files.push_back(std::move(file));
    }
  }
};

std::size_t free_now() {
  return free_descriptors(9, STDERR_FILENO);
}

TEST_CASE_FIXTURE(opened_files, "free descriptors: counted up to the number that is asked for") {
  CHECK(free_now() == 9);
  const few_descriptors few;
  CHECK(free_now() == 9);
  open_all();
  REQUIRE(files.size() >= 20);
  CHECK(free_now() == 0);
  for (std::size_t i = 1; i <= 12; ++i) {
    files.pop_back();
    CHECK(free_now() == std::min<std::size_t>(i, 9));
  }
}

TEST_CASE_FIXTURE(opened_files, "free descriptors: wherever they are") {
  const few_descriptors few;
  open_all();
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(free_now() == std::min<std::size_t>(i, 9));
    files.erase(files.begin() + static_cast<std::ptrdiff_t>(i * 5 % files.size()));
  }
}

}  // namespace
}  // namespace mtp::net
