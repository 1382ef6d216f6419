#include "net/dial/name_cache.hpp"

#include <map>

#include "tests/support/property.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

const name_cache::time_point start{};

name_answer address(std::uint8_t last) {
  return std::vector{ip_address::v4({192, 0, 2, last})};
}
name_answer failure(lookup_problem problem) {
  return tl::unexpected{lookup_failure{problem, "why"}};
}

TEST_CASE("name cache: an answer is kept for its TTL") {
  name_cache cache{4};
  CHECK(cache.find("a", start) == nullptr);
  cache.put("a", address(1), 60s, start);
  REQUIRE(cache.find("a", start + 59s) != nullptr);
  CHECK(*cache.find("a", start + 59s) == address(1));
  CHECK(cache.find("a", start + 60s) == nullptr);
  cache.put("a", address(2), 60s, start + 60s);
  CHECK(*cache.find("a", start + 61s) == address(2));
  cache.forget("a");
  CHECK(cache.find("a", start + 61s) == nullptr);
}

TEST_CASE("name cache: no TTL is too short, nor too long") {
  name_cache cache{4};
  cache.put("none", address(1), 0s, start);
  CHECK(cache.find("none", start + 999ms) != nullptr);
  CHECK(cache.find("none", start + 1s) == nullptr);
  cache.put("negative", address(1), -5s, start);
  CHECK(cache.find("negative", start + 1s) == nullptr);
  cache.put("year", address(1), 365 * 24h, start);
  CHECK(cache.find("year", start + 299s) != nullptr);
  CHECK(cache.find("year", start + 300s) == nullptr);
}

TEST_CASE("name cache: that there is nothing is kept for a short while, a failure is not") {
  name_cache cache{4};
  cache.put("nx", failure(lookup_problem::no_such_name), 0s, start);
  cache.put("nodata", failure(lookup_problem::no_address), 60s, start);
  CHECK(*cache.find("nx", start + 4s) == failure(lookup_problem::no_such_name));
  CHECK(cache.find("nodata", start + 4s) != nullptr);
  CHECK(cache.find("nx", start + 5s) == nullptr);
  CHECK(cache.find("nodata", start + 5s) == nullptr);
  cache.put("a", address(1), 60s, start);
  cache.put("a", failure(lookup_problem::failed), 60s, start);
  CHECK(cache.find("a", start) == nullptr);
}

TEST_CASE("name cache: when it is full, the answer goes that would go first") {
  name_cache cache{2};
  cache.put("long", address(1), 100s, start);
  cache.put("short", address(2), 10s, start);
  cache.put("new", address(3), 50s, start);
  CHECK(cache.find("long", start) != nullptr);
  CHECK(cache.find("short", start) == nullptr);
  CHECK(cache.find("new", start) != nullptr);
  // Replacing takes no place.
  cache.put("long", address(4), 100s, start);
  CHECK(cache.find("new", start) != nullptr);
}

TEST_CASE("name cache: whatever is put in, it has only what was put last and is not over") {
  test::check_property([] {
    const auto capacity = *rc::gen::inRange<std::size_t>(0, 5);
    name_cache cache{capacity};
    std::map<std::string, std::pair<name_answer, name_cache::time_point>> last;
    auto now = start;
    const auto steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
      const std::string name(1, *rc::gen::inRange('a', 'h'));
      switch (*rc::gen::inRange(0, 4)) {
        case 0: {
          const std::chrono::seconds ttl{*rc::gen::inRange(-1, 1000)};
          const auto answer = address(*rc::gen::inRange<std::uint8_t>(1, 200));
          cache.put(name, answer, ttl, now);
          last.insert_or_assign(
              name, std::pair{answer, now + std::min(std::max(ttl, name_cache::shortest),
                                                     name_cache::longest)});
          RC_ASSERT((capacity == 0 || *cache.find(name, now) == answer));
          break;
        }
        case 1: {
          const auto answer = failure(*rc::gen::element(
              lookup_problem::no_such_name, lookup_problem::no_address, lookup_problem::failed));
          cache.put(name, answer, 1000s, now);
          last.insert_or_assign(name, std::pair{answer, now + name_cache::negative});
          if (answer.error().problem == lookup_problem::failed) last.erase(name);
          break;
        }
        case 2:
          cache.forget(name);
          last.erase(name);
          break;
        default:
          now += std::chrono::milliseconds{*rc::gen::inRange(0, 100'000)};
      }
      RC_ASSERT(cache.size() <= capacity);
      for (char letter = 'a'; letter < 'h'; ++letter) {
        const std::string any(1, letter);
        const auto* const found = cache.find(any, now);
        if (found == nullptr) continue;
        const auto put = last.find(any);
        RC_ASSERT((put != last.end()));
        RC_ASSERT((*found == put->second.first));
        RC_ASSERT((now < put->second.second));
      }
    }
  });
}

}  // namespace
}  // namespace mtp::net
