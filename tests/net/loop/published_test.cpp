#include "net/loop/published.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "tests/support/manual_node.hpp"

namespace mtp::net {
namespace {

using texts = published<std::string>;

std::shared_ptr<const std::string> text(const std::string& value) {
  return std::make_shared<const std::string>(value);
}

TEST_CASE("published: a value stays as it is for those who have it") {
  texts source{text("first")};
  const auto held = source.get();
  const auto generation = source.generation();
  source.set(text("second"));
  CHECK(*held == "first");
  CHECK(*source.get() == "second");
  CHECK(source.generation() != generation);
}

TEST_CASE("published: there is a value before the first is set") {
  const texts source;
  REQUIRE(source.get() != nullptr);
  CHECK(source.get()->empty());
}

TEST_CASE("published: readers see whole values, none older than the one before") {
  constexpr int last = 2000;
  published<std::pair<int, int>> source;
  std::thread writer{[&] {
    for (int i = 1; i <= last; ++i)
      source.set(std::make_shared<const std::pair<int, int>>(i, i));
  }};
  int seen = 0;
  bool torn = false;
  bool older = false;
  while (seen < last) {
    const auto now = source.get();
    torn = torn || now->first != now->second;
    older = older || now->first < seen;
    seen = now->first;
  }
  writer.join();
  CHECK_FALSE(torn);
  CHECK_FALSE(older);
}

struct copy_fixture {
  test::manual_node node;
  texts source{text("first")};
  reactor& home = *node.core.reactors[0];
  reactor_copy<std::string> copy{source, home};
};

TEST_CASE_FIXTURE(copy_fixture, "reactor_copy: it looks for a new value, and only then") {
  const auto* const first = &copy.get();
  CHECK(*first == "first");
  CHECK(&copy.get() == first);
  source.set(text("second"));
  CHECK(copy.get() == "second");
  source.set(text("third"));
  source.set(text("fourth"));
  CHECK(copy.get() == "fourth");
}

TEST_CASE_FIXTURE(copy_fixture, "reactor_copy: a reference is good until the reactor's turn ends") {
  std::weak_ptr<const std::string> first = source.get();
  const auto& held = copy.get();
  source.set(text("second"));
  CHECK(copy.get() == "second");
  // Nothing else has it any more.
  REQUIRE_FALSE(first.expired());
  CHECK(held == "first");
  home.run_once(std::chrono::milliseconds{0});
  CHECK(first.expired());
  CHECK(copy.get() == "second");
}

TEST_CASE_FIXTURE(copy_fixture, "reactor_copy: each reactor has its own") {
  reactor_copy<std::string> other{source, home};
  CHECK(copy.get() == "first");
  source.set(text("second"));
  CHECK(other.get() == "second");
  CHECK(copy.get() == "second");
}

}  // namespace
}  // namespace mtp::net
