// The file that remembers handshakes, when it can't be written, or only half.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <random>

#include "tests/actors/client/replay_runs.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using namespace replay_runs;

/// A number that two processes share.
class shared_number {
 public:
  shared_number()
      : number_{new (::mmap(nullptr, sizeof(number), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0)) number{0}} {}
  shared_number(const shared_number&) = delete;
  shared_number& operator=(const shared_number&) = delete;
  shared_number(shared_number&&) = delete;
  shared_number& operator=(shared_number&&) = delete;
  ~shared_number() { ::munmap(number_, sizeof(number)); }
  [[nodiscard]] std::atomic<std::uint32_t>& operator*() const { return *number_; }

 private:
  using number = std::atomic<std::uint32_t>;
  number* number_;
};

TEST_CASE_FIXTURE(fixture, "replay file: SIGKILL at any moment loses nothing that was written") {
  constexpr std::uint32_t batch = 9'000;
  std::minstd_rand random{std::random_device{}()};
  std::uint32_t done = 0;
  for (int round = 0; round < 20; ++round) {
    const shared_number batches;
    auto& before = restart();
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
      while (true) {
        const auto number = done + *batches;
        before.use(number * batch, (number + 1) * batch);
        before.write();
        ++*batches;
        // Now and then most of it is forgotten, and the file is written anew.
        if (number % 8 == 0) before.cache.remove_older(today + 1, today + 1);
      }
    const auto last = 1 + random() % 10;
    CHECK(test::eventually([&] { return *batches >= last; }, 30s));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    done += *batches;
    auto& after = restart();
    CHECK(log.count("damaged") == 0);
    // The last one that is known to be in it.
    const auto kept = done % 8 == 1 ? 0 : batch;
    CHECK(after.cache.size() >= kept);
    for (auto i = (done - 1) * batch; kept > 0 && i < done * batch; ++i)
      REQUIRE(after.knows(i));
  }
}

/// No file may be longer than this.
class size_limit {
 public:
  explicit size_limit(std::size_t most) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{.rlim_cur = most, .rlim_max = before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
  }
  size_limit(const size_limit&) = delete;
  size_limit& operator=(const size_limit&) = delete;
  size_limit(size_limit&&) = delete;
  size_limit& operator=(size_limit&&) = delete;
  ~size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_ = ::signal(SIGXFSZ, SIG_IGN);
};

TEST_CASE_FIXTURE(
    fixture, "replay file: without room on the disk memory goes on, and all is written later") {
  auto& first = restart();
  first.use(0, 3);
  first.write();
  {
    // In the middle of a record.
    const size_limit full{size_of(5) + 7};
    first.use(3, 10);
    first.write();
    CHECK(first.count("failed") == 2);  // to append, and to write anew
    CHECK(
        told("seen-handshakes: File too large; handshakes are remembered in memory only, "
             "until it can be written"));
    CHECK(first.knows(9));
    // Nothing is tried for a second.
    first.use(10, 20);
    first.write();
    CHECK(first.count("failed") == 2);
    first.now += 1s;
    first.use(20, 21);
    first.write();
    // One more record has its place: the file is written as far as that goes.
    CHECK(first.count("failed") == 3);
    CHECK(size() == size_of(4));
    // Whatever happens, what there is can be read.
    run other{directory.path() / "other"};
    std::filesystem::create_directories(directory.path() / "other");
    std::filesystem::copy_file(file, directory.path() / "other" / "seen-handshakes");
    other.load();
    CHECK(other.cache.size() == 4);
  }
  CHECK_FALSE(std::filesystem::exists(file + ".new"));
  first.now += 2s;
  first.write();
  CHECK(told("seen-handshakes: written again, with 21 handshakes"));
  CHECK(size() == size_of(21));
  CHECK(log.count("remembered in memory only") == 1);
  CHECK(restart().cache.size() == 21);
}

TEST_CASE_FIXTURE(fixture,
                  "replay file: a directory that can't be had is told of, and tried again") {
  std::ofstream{directory.path() / "state"} << "a file";
  auto& first = restart();
  first.use(0, 3);
  first.write();
  CHECK(first.count("failed") == 1);
  CHECK(told("seen-handshakes: Not a directory; handshakes are remembered in memory only"));
  CHECK(first.knows(2));
  std::filesystem::remove(directory.path() / "state");
  for (int i = 0; i < 3; ++i) {
    first.now += 1s;
    first.write();
  }
  CHECK(restart().cache.size() == 3);
}

TEST_CASE_FIXTURE(fixture, "replay file: two processes do not share it") {
  leave(0, 3);
  run other{directory.path() / "state"};
  other.load();
  CHECK(told("another process uses it; each needs a state_dir of its own"));
  CHECK(other.cache.size() == 0);
  other.use(10, 11);
  other.write();
  CHECK(other.count("failed") == 1);
  // It does not take it away either.
  other.settings.replay_check_persist = false;
  other.write();
  current->use(3, 4);
  current->write();
  CHECK(restart().cache.size() == 4);
}

}  // namespace
}  // namespace mtp::actors
