#include "app/effective_settings.hpp"

#include <doctest/doctest.h>

namespace mtp::app {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr machine_limits large_machine{.memory_budget = 64 * 1024 * mib, .open_files = 1'000'000};

struct fixture {
  config::settings wanted;
  std::vector<std::string> notes;

  fixture() {
    wanted.client.ports.resize(2);
    wanted.client.max_connections = 1000;
    wanted.client.replay_cache.max_memory_mb = 100;
  }
  config::settings effective(const machine_limits& limits) {
    return effective_settings(wanted, limits, notes);
  }
};

TEST_CASE_FIXTURE(fixture,
                  "effective settings: a machine that can give all of it changes nothing") {
  const auto settings = effective(large_machine);
  CHECK(settings.client.max_connections == 1000);
  CHECK(settings.client.replay_cache.max_memory_mb == 100);
  CHECK(notes.empty());
}

TEST_CASE_FIXTURE(fixture, "effective settings: ports share what files may be open, some aside") {
  auto limits = large_machine;
  // 512 are not for clients.
  limits.open_files = 2 * 1000 + 512;
  CHECK(effective(limits).client.max_connections == 1000);
  CHECK(notes.empty());
  limits.open_files -= 2;
  CHECK(effective(limits).client.max_connections == 999);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with("only 2510 files may be open: 999 clients a port at most"));
}

TEST_CASE_FIXTURE(fixture, "effective settings: forwarded connections take two files each") {
  wanted.client.fronting.mode = config::fronting_mode::fixed;
  wanted.client.fronting.max_fronted = 250;
  auto limits = large_machine;
  limits.open_files = 2 * 1000 + 2 * 250 + 512;
  CHECK(effective(limits).client.max_connections == 1000);
  CHECK(effective(limits).client.most_fronted() == 250);
  CHECK(notes.empty());
  limits.open_files = 1024;
  const auto settings = effective(limits);
  CHECK(settings.client.most_fronted() == 64);
  CHECK(settings.client.max_connections == 192);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("192 clients a port at most, and 64 forwarded connections") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(fixture,
                  "effective settings: where few files may be open, half are for clients") {
  auto limits = large_machine;
  limits.open_files = 1024;
  CHECK(effective(limits).client.max_connections == 256);
  limits.open_files = 1;
  CHECK(effective(limits).client.max_connections == 1);
  CHECK(notes.size() == 2);
}

TEST_CASE_FIXTURE(fixture, "effective settings: without ports there are no clients to limit") {
  wanted.client.ports.clear();
  auto limits = large_machine;
  limits.open_files = 10;
  CHECK(effective(limits).client.max_connections == 1000);
  CHECK(notes.empty());
}

TEST_CASE_FIXTURE(fixture, "effective settings: replays get a quarter of the memory at most") {
  auto limits = large_machine;
  limits.memory_budget = 400 * mib;
  CHECK(effective(limits).client.replay_cache.max_memory_mb == 100);
  CHECK(notes.empty());
  limits.memory_budget = 200 * mib;
  CHECK(effective(limits).client.replay_cache.max_memory_mb == 50);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] ==
        "replay_check_session_storage_opts.max_memory_mb is lowered to 50: a quarter of the memory "
        "budget (200 MiB)");
}

TEST_CASE_FIXTURE(fixture, "effective settings: unless told otherwise, replays get an eighth") {
  wanted.client.replay_cache.max_memory_mb = 0;
  auto limits = large_machine;
  CHECK(effective(limits).client.replay_cache.max_memory_mb == 512);
  limits.memory_budget = 800 * mib;
  CHECK(effective(limits).client.replay_cache.max_memory_mb == 100);
  CHECK(notes.empty());
}

}  // namespace
}  // namespace mtp::app
