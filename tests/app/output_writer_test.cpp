#include "app/output_writer.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <sstream>
#include <string>

#include "net/loop/unique_fd.hpp"

namespace mtp::app {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 10s;
constexpr std::size_t limit = 10'000;

output_writer::clock::time_point soon() {
  return output_writer::clock::now() + patience;
}

/// A pipe that takes a page.
struct fixture {
  net::unique_fd reader;
  net::unique_fd writer;

  fixture() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reader = net::unique_fd{ends[0]};
    writer = net::unique_fd{ends[1]};
    REQUIRE(::fcntl(writer.get(), F_SETPIPE_SZ, 4096) > 0);
  }
  /// All of it, until the other end is closed.
  [[nodiscard]] std::string read_all() {
    writer = {};
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(reader.get(), buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(size));
    return text;
  }
  /// Until that is the end of it.
  [[nodiscard]] std::string read_until(const std::string& end) const {
    std::string text;
    std::array<char, 4096> buffer{};
    while (!text.ends_with(end)) {
      const auto size = ::read(reader.get(), buffer.data(), buffer.size());
      REQUIRE(size > 0);
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return text;
  }
  void stuff() const {
    const std::string page(4096, 'x');
    REQUIRE(::write(writer.get(), page.data(), page.size()) == 4096);
  }
  /// Takes what `stuff` has put there.
  void unstuff() const {
    std::array<char, 4096> buffer{};
    REQUIRE(::read(reader.get(), buffer.data(), buffer.size()) == 4096);
  }
};

std::string tell_lost(std::size_t lost) {
  return std::to_string(lost) + " lost\n";
}

/// 100 bytes, 132 as they are counted.
std::string text(int number) {
  auto line = std::to_string(number);
  line.resize(99, '.');
  return line + '\n';
}

TEST_CASE_FIXTURE(fixture, "output writer: what was written before the end comes, in order") {
  std::string all;
  {
    output_writer output{writer.get(), limit, "test", tell_lost};
    for (int i = 0; i < 30; ++i) {
      output.write(text(i));
      all += text(i);
    }
    CHECK(output.finish(soon()));
    output.write("too late");
  }
  CHECK(read_all() == all);
}

TEST_CASE_FIXTURE(fixture, "output writer: if nobody reads, the oldest are lost, and are counted") {
  stuff();
  output_writer output{writer.get(), limit, "test", tell_lost};
  constexpr int written = 1000;
  for (int i = 0; i < written; ++i)
    output.write(text(i));
  CHECK_FALSE(output.finish(output_writer::clock::now()));
  unstuff();
  const auto got = read_until(text(written - 1));
  CHECK(output.finish(soon()));
  std::string last;
  for (int i = written - static_cast<int>(limit / 132); i < written; ++i)
    last += text(i);
  CHECK(got.ends_with(" lost\n" + last));
  // The thread may have had one in its hands.
  int lost = 0;
  int shown = 0;
  std::istringstream lines{got};
  for (std::string line; std::getline(lines, line);)
    line.ends_with(" lost") ? lost += std::stoi(line) : ++shown;
  CHECK(lost + shown == written);
  CHECK(lost > 0);
}

TEST_CASE_FIXTURE(fixture, "output writer: a text beyond the limit is kept while it is the last") {
  stuff();
  output_writer output{writer.get(), limit, "test", tell_lost};
  const std::string large(2 * limit, 'y');
  output.write("first\n");
  output.write(large);
  unstuff();
  const auto got = read_until(large);
  CHECK((got == "first\n" + large || got == "1 lost\n" + large));
}

TEST_CASE_FIXTURE(fixture,
                  "output writer: a descriptor that others made non-blocking is waited for") {
  REQUIRE(::fcntl(writer.get(), F_SETFL, O_NONBLOCK) == 0);
  stuff();
  output_writer output{writer.get(), limit, "test", tell_lost};
  output.write("late\n");
  CHECK_FALSE(output.finish(output_writer::clock::now() + 50ms));
  unstuff();
  CHECK(output.finish(soon()));
  CHECK(read_all() == "late\n");
}

TEST_CASE_FIXTURE(fixture, "output writer: a reader that is gone is not waited for") {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  output_writer output{writer.get(), limit, "test", tell_lost};
  reader = {};
  for (int i = 0; i < 1000; ++i)
    output.write(text(i));
  CHECK(output.finish(soon()));
}

}  // namespace
}  // namespace mtp::app
