// Runs of a proxy that leave each other a file of handshakes.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "actors/client/replay_journal.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/process.hpp"

namespace mtp::actors::replay_runs {

using namespace std::chrono_literals;

inline constexpr std::int64_t today = 1'800'000'000;

inline replay_record session(std::uint32_t number, std::int64_t used = today) {
  bytes encoded;
  append_le(encoded, number);
  return {.fingerprint = fingerprint_of(secret16{}, encoded), .used = used};
}

/// What one run of the proxy has.
struct run {
  explicit run(std::string directory) : journal{directory, cache, queue, counts} {}

  /// As a reactor does it.
  void use(std::uint32_t first, std::uint32_t last) {
    for (auto i = first; i < last; ++i) {
      REQUIRE(cache.add(session(i)));
      queue.add(session(i));
    }
  }
  void load() { journal.load(settings, today); }
  void write() { journal.write(settings, now); }
  [[nodiscard]] bool knows(std::uint32_t number) { return !cache.add(session(number)); }
  [[nodiscard]] double count(const std::string& what) const {
    for (const auto& family : counts.read_counts())
      if (family.name == "mtproto_proxy_replay_file_" + what + "_total")
        return family.samples.at(0).value;
    return -1;
  }

  config::client_config settings{
      .replay_cache = {.max_items = 1'000'000, .max_memory_mb = 100, .max_age = 60min}};
  replay_journal::time_point now;
  metrics counts;
  replay_cache cache;
  replay_queue queue;
  replay_journal journal;
};

struct fixture {
  test::temporary_directory directory;
  test::captured_log log;
  const std::string file = directory.path() / "state" / "seen-handshakes";
  std::optional<run> current;

  /// The run before ends as by SIGKILL, and another one begins.
  run& restart() {
    current.reset();
    current.emplace(directory.path() / "state").load();
    return *current;
  }
  [[nodiscard]] bool told(const std::string& text) const { return log.count(text) > 0; }
  [[nodiscard]] std::size_t size() const { return std::filesystem::file_size(file); }
  /// Leaves a file with these handshakes.
  void leave(std::uint32_t first, std::uint32_t last) {
    auto& before = restart();
    before.use(first, last);
    before.write();
  }
  void change_byte(std::size_t at) const {
    std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
    bytes.seekg(static_cast<std::streamoff>(at));
    const auto old = bytes.get();
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(old ^ 1));
  }
};

constexpr std::size_t size_of(std::size_t records) {
  return replay_header_size + records * replay_record_size;
}

}  // namespace mtp::actors::replay_runs
