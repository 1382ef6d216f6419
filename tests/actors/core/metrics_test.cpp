// Counters of several threads, histograms, and gauges that are computed.
#include "actors/core/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "actors/client/client_metrics.hpp"
#include "actors/core/metric_names.hpp"

namespace mtp::actors {
namespace {

const metrics::family& family_of(const std::vector<metrics::family>& all, std::string_view name) {
  const auto at = std::ranges::find(all, name, &metrics::family::name);
  REQUIRE(at != all.end());
  return *at;
}

TEST_CASE("metrics: the same name and labels are the same counter") {
  metrics all;
  all.get_counter("c", "help", {{"a", "1"}}).add();
  all.get_counter("c", "help", {{"a", "1"}}).add(4);
  all.get_counter("c", "help", {{"a", "2"}}).add(7);
  const auto read = all.read();
  const auto& family = family_of(read, "c");
  REQUIRE(family.samples.size() == 2);
  CHECK(family.samples[0].value == 5);
  CHECK(family.samples[1].value == 7);
}

TEST_CASE("metrics: a histogram counts each value in the first bucket that takes it") {
  metrics all;
  auto sizes = all.get_histogram("h", "help", {.bounds = {10, 100}, .scale = 10});
  for (const std::uint64_t value : {0, 10, 11, 100, 101, 5000})
    sizes.observe(value);
  const auto read = all.read();
  const auto& sample = family_of(read, "h").samples.at(0);
  CHECK(sample.buckets == std::vector<std::uint64_t>{2, 2, 2});
  CHECK(sample.bounds == std::vector<double>{1, 10});
  CHECK(sample.sum == doctest::Approx(522.2));
}

TEST_CASE("metrics: nothing counted by several threads is lost") {
  metrics all;
  auto handle = all.get_counter("c", "help");
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      // Half have cells of their own, half share.
      if (i % 2 == 0) metrics::own_cells(i);
      for (int n = 0; n < 100'000; ++n)
        handle.add();
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(family_of(all.read(), "c").samples.at(0).value == 800'000);
}

TEST_CASE("metrics: a gauge is computed when somebody looks") {
  metrics all;
  double value = 1;
  all.set_gauge("g", "help", [&] { return metrics::gauge_values{{{}, value}}; });
  value = 42;
  CHECK(family_of(all.read(), "g").samples.at(0).value == 42);
}

TEST_CASE("metrics: gauges of one source are computed together, once per look") {
  metrics all;
  int computed = 0;
  all.set_gauges({{.name = "a", .help = "help"}, {.name = "b", .help = "help"}}, [&] {
    ++computed;
    return std::vector<metrics::gauge_values>{{{{}, 1}}, {{{{"x", "y"}}, 2}, {{{"x", "z"}}, 3}}};
  });
  const auto families = all.read();
  CHECK(computed == 1);
  CHECK(family_of(families, "a").samples.at(0).value == 1);
  CHECK(family_of(families, "b").samples.at(1).value == 3);
  CHECK(family_of(all.read(), "b").samples.at(0).value == 2);
  CHECK(computed == 2);
}

TEST_CASE("metrics: DC numbers that clients make up share one label") {
  metrics all;
  client_metrics of_clients{all, "port"};
  for (int dc = 1000; dc < 2000; ++dc)
    of_clients.no_dc(static_cast<dc_id>(dc), "no_link").add();
  of_clients.no_dc(-203, "no_link").add();
  const auto families = all.read();
  const auto found =
      std::ranges::find(families, "mtproto_proxy_no_dc_total", &metrics::family::name);
  REQUIRE(found != families.end());
  REQUIRE(found->samples.size() == 2);
  CHECK(found->samples[0].labels[1] == std::pair<std::string, std::string>{"dc_id", "other"});
  CHECK(found->samples[0].value == 1000);
  CHECK(found->samples[1].labels[1].second == "-203");
}

TEST_CASE("metrics: beyond the room there is, counting does nothing") {
  metrics all;
  for (int i = 0; i < 20'000; ++i)
    all.get_counter("c", "h", {{"i", std::to_string(i)}}).add();
  CHECK(family_of(all.read(), "c").samples.size() == 16384);
  CHECK(errno_label(ECONNREFUSED) == "econnrefused");
}

}  // namespace
}  // namespace mtp::actors
