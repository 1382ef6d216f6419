#include "actors/core/sent_marks.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using marks_of_int = sent_marks<int>;

std::vector<int> leave(marks_of_int& marks, std::size_t size) {
  std::vector<int> due;
  marks.leave(size, [&](int number) { due.push_back(number); });
  return due;
}

TEST_CASE("sent_marks: what is marked is due when its last byte has left") {
  marks_of_int marks;
  marks.queue(100);
  marks.add(60, 1);
  marks.add(60, 2);
  marks.add(100, 3);
  CHECK(marks.queued() == 100);
  CHECK(leave(marks, 59).empty());
  CHECK(leave(marks, 1) == std::vector{1, 2});
  CHECK(marks.sent() == 60);
  REQUIRE(marks.pending().size() == 1);
  CHECK(marks.pending()[0].until == 100);
  CHECK(marks.pending()[0].due == 3);
  CHECK(leave(marks, 0).empty());
  CHECK(leave(marks, 40) == std::vector{3});
  CHECK(marks.pending().empty());
}

TEST_CASE("sent_marks: a mark where the stream is already is due at the next call") {
  marks_of_int marks;
  marks.add(0, 1);
  CHECK(leave(marks, 0) == std::vector{1});
}

TEST_CASE("sent_marks: shrinking loses no mark") {
  marks_of_int marks;
  marks.add(10, 1);
  marks.add(20, 2);
  CHECK(leave(marks, 10) == std::vector{1});
  marks.shrink();
  CHECK(leave(marks, 10) == std::vector{2});
  marks.shrink();
  marks.add(30, 3);
  CHECK(leave(marks, 10) == std::vector{3});
}

TEST_CASE("sent_marks: as a plain queue, whatever is marked and leaves") {
  test::check_property(
      [] {
        marks_of_int marks;
        std::deque<std::pair<std::uint64_t, int>> model;
        std::uint64_t queued = 0;
        std::uint64_t sent = 0;
        int number = 0;
        const auto steps = *rc::gen::container<std::vector<std::pair<bool, unsigned>>>(
            rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange(0U, 200U)));
        for (const auto& [adds, size] : steps) {
          if (adds) {
            marks.queue(size);
            queued += size;
            // Many at once, so that memory of a burst is given back as well.
            for (unsigned i = 0; i < size; ++i, ++number) {
              marks.add(queued, number);
              model.emplace_back(queued, number);
            }
          } else {
            const auto left = std::min<std::uint64_t>(size * 3, queued - sent);
            sent += left;
            std::vector<int> expected;
            for (; !model.empty() && model.front().first <= sent; model.pop_front())
              expected.push_back(model.front().second);
            RC_ASSERT(leave(marks, left) == expected);
          }
          RC_ASSERT(marks.queued() == queued);
          RC_ASSERT(marks.sent() == sent);
          RC_ASSERT(marks.pending().size() == model.size());
          RC_ASSERT((model.empty() || marks.pending().front().due == model.front().second));
        }
      },
      3);
}

}  // namespace
}  // namespace mtp::actors
