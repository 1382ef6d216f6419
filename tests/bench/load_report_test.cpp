#include "bench/load_report.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "bench/run_load.hpp"

using namespace mtp::bench;

namespace {

/// Uses CPU, far more than a tick of the clock.
void work() {
  const auto from = cpu_time(::getpid());
  while (cpu_time(::getpid()) < from + std::chrono::milliseconds{100}) {
  }
}

}  // namespace

TEST_CASE("CPU and memory of several processes are added up, and told of each") {
  load_report measured{{::getpid(), ::getpid()}, {}};
  measured.note_memory_before();
  measured.begin();
  work();
  measured.add(std::chrono::microseconds{7}, 1000);
  measured.end();
  measured.note_memory_after(1);
  const auto got = parse_report(measured.text());
  CHECK(got.threads.empty());
  for (const std::string key :
       {"cpu_seconds", "cpu_percent", "cpu_us_per_request", "cpu_s_per_gb", "kb_per_client"}) {
    CAPTURE(key);
    CHECK(got.values.at(key) ==
          doctest::Approx(got.values.at(key + ".1") + got.values.at(key + ".2")).epsilon(0.001));
  }
  CHECK(got.values.at("cpu_seconds.1") >= 0.1);
  CHECK(got.values.at("p50_us") == doctest::Approx(7));
}

TEST_CASE("one process has no shares, and none has no CPU") {
  load_report of_one{{::getpid()}, {}};
  of_one.begin();
  of_one.end();
  const auto single = parse_report(of_one.text());
  CHECK(single.values.contains("cpu_seconds"));
  CHECK_FALSE(single.values.contains("cpu_seconds.1"));
  load_report of_none{{}, {}};
  of_none.begin();
  of_none.end();
  CHECK_FALSE(parse_report(of_none.text()).values.contains("cpu_seconds"));
}

TEST_CASE("the CPU of a watched process's threads is told by name, even a strange one") {
  load_report measured{{}, {::getpid()}};
  measured.begin();
  const std::string name{"busy ) 1 thread"};
  std::thread busy{[&] {
    pthread_setname_np(pthread_self(), name.c_str());
    work();
    // Here, as a thread that has ended is not told of.
    measured.end();
  }};
  busy.join();
  const auto got = parse_report(measured.text());
  const auto found = std::ranges::find(got.threads, name, &thread_share::name);
  REQUIRE(found != got.threads.end());
  CHECK(found->process == ::getpid());
  CHECK(found->percent > 10);
  CHECK(got.values.contains("machine_cpu_percent"));
}

TEST_CASE("a process that is not there is an error") {
  load_report measured{{-2}, {}};
  CHECK_THROWS_AS(measured.begin(), std::runtime_error);
  load_report watching{{}, {-2}};
  CHECK_THROWS_AS(watching.begin(), std::runtime_error);
}
