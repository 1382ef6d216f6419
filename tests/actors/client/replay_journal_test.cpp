// The file that remembers handshakes: what is read from it, and what is written to it.
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "actors/client/replay_sweeper.hpp"
#include "actors/client/replay_writer.hpp"
#include "tests/actors/client/replay_runs.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using namespace replay_runs;

TEST_CASE_FIXTURE(fixture, "replay file: handshakes are known after a restart") {
  auto& first = restart();
  first.write();
  CHECK(size() == size_of(0));
  first.use(0, 100);
  first.write();
  CHECK(size() == size_of(100));
  CHECK(first.journal.size() == size_of(100));
  CHECK(first.count("written") == 100);
  // Not written any more.
  first.use(100, 101);

  auto& second = restart();
  CHECK(second.cache.size() == 100);
  CHECK(second.journal.size() == size_of(100));
  CHECK(second.knows(99));
  CHECK_FALSE(second.knows(100));
  // The same file goes on.
  second.use(200, 201);
  second.write();
  CHECK(size() == size_of(101));
  CHECK(restart().cache.size() == 101);
}

TEST_CASE_FIXTURE(fixture, "replay file: at the end the rest is written") {
  auto& first = restart();
  first.write();
  first.use(0, 3);
  first.journal.finish(first.now);
  CHECK(restart().cache.size() == 3);
}

TEST_CASE_FIXTURE(fixture, "replay file: only its owner may read it") {
  leave(0, 1);
  struct stat about {};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  CHECK(restart().cache.size() == 1);
  REQUIRE(::stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
}

TEST_CASE_FIXTURE(fixture,
                  "replay file: what is too old is forgotten, what is from tomorrow is not") {
  auto& first = restart();
  for (const auto& record :
       {session(1, today - 61 * 60), session(2, today - 59 * 60), session(3, today + 7200)})
    first.cache.add(record);
  first.write();
  auto& second = restart();
  CHECK(second.cache.size() == 2);
  CHECK(second.cache.oldest(today) == today - 59 * 60);
  // It counts as used now.
  CHECK(clean_replays(second.cache, second.settings.replay_cache, today + 3601).removed == 2);
}

TEST_CASE_FIXTURE(fixture, "replay file: a torn end costs the record that it tears") {
  leave(0, 3);
  std::filesystem::resize_file(file, size_of(3) - 7);
  auto& second = restart();
  CHECK(second.cache.size() == 2);
  CHECK(size() == size_of(2));
  second.use(10, 11);
  second.write();
  CHECK(restart().cache.size() == 3);
}

TEST_CASE_FIXTURE(fixture, "replay file: a damaged record costs itself, and is gone afterwards") {
  leave(0, 3);
  change_byte(size_of(1) + 5);
  auto& second = restart();
  CHECK(second.cache.size() == 2);
  CHECK(told("seen-handshakes: 1 damaged records are left out"));
  second.write();
  CHECK(size() == size_of(2));
}

TEST_CASE_FIXTURE(fixture, "replay file: one that can't be used is told of, and begins anew") {
  leave(0, 3);
  std::string why;
  SUBCASE("damaged") {
    change_byte(3);
    why = "it is damaged, or no file of handshakes";
  }
  SUBCASE("shorter than a header") {
    std::filesystem::resize_file(file, 15);
    why = "it is damaged, or no file of handshakes";
  }
  SUBCASE("of another version") {
    std::ofstream{file, std::ios::binary} << "mtp-seen\x02" << std::string(3, 0)
                                          << "\x0a\xf2\x7e\xc0";
    why = "another version of the proxy wrote it";
  }
  SUBCASE("others may write to it") {
    REQUIRE(::chmod(file.c_str(), 0620) == 0);
    why = "other users may write to it";
  }
  SUBCASE("of another user") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
    why = "it belongs to another user";
  }
  SUBCASE("a symbolic link") {
    std::filesystem::rename(file, file + "2");
    std::filesystem::create_symlink(file + "2", file);
    why = "it is a symbolic link";
  }
  SUBCASE("a pipe") {
    std::filesystem::remove(file);
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    why = "it is no regular file";
  }
  auto& second = restart();
  CHECK(second.cache.size() == 0);
  CHECK(told("seen-handshakes: " + why));
  second.use(10, 11);
  second.write();
  CHECK(second.count("failed") == 0);
  CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(file)));
  CHECK(restart().cache.size() == 1);
}

TEST_CASE_FIXTURE(fixture, "replay file: of one that is far too long the end is read") {
  leave(0, 3);
  // A hole of a terabyte, which reads as damaged records.
  std::filesystem::resize_file(file, size_of(50'000'000'000));
  {
    std::ofstream end{file, std::ios::binary | std::ios::app};
    bytes record;
    encode_replay_record(session(7), record);
    end << as_text(record);
  }
  current.reset();
  current.emplace(directory.path() / "state");
  current->settings.replay_cache.max_items = 10;
  current->load();
  CHECK(current->cache.size() == 1);
  CHECK(current->knows(7));
  CHECK(told("records are left out, as there are too many"));
  current->write();
  CHECK(size() == size_of(1));
}

TEST_CASE_FIXTURE(fixture, "replay file: it is written anew when most of it is forgotten") {
  auto& first = restart();
  first.write();
  for (std::uint32_t i = 0; i < 7; ++i) {
    first.use(i * 10'000, (i + 1) * 10'000);
    first.write();
    CHECK(size() <= size_of(70'000));
  }
  CHECK(size() == size_of(70'000));
  CHECK(clean_replays(first.cache, {.max_items = 1'000'000, .max_memory_mb = 100, .max_age = 6min},
                      today + 3600)
            .removed == 70'000);
  first.use(100'000, 100'010);
  first.write();
  CHECK(size() == size_of(10));
  first.use(100'010, 100'012);
  first.write();
  CHECK(restart().cache.size() == 12);
}

TEST_CASE_FIXTURE(fixture, "replay file: what comes while it is written anew is in it as well") {
  auto& first = restart();
  first.use(0, 40'000);
  constexpr std::uint32_t last = 60'000;
  std::atomic<bool> is_done = false;
  std::thread reactor{[&] {
    first.use(40'000, last);
    is_done = true;
  }};
  while (!is_done) {
    // Without a file there is nothing that goes on.
    first.settings.replay_check_persist = false;
    first.write();
    first.settings.replay_check_persist = true;
    first.write();
  }
  reactor.join();
  first.write();
  CHECK(restart().cache.size() == last);
}

TEST_CASE_FIXTURE(fixture,
                  "replay file: what the queue had no room for comes with the next writing") {
  auto& first = restart();
  first.write();
  constexpr auto room = static_cast<std::uint32_t>(replay_queue::max_records);
  first.use(0, room + 5);
  first.write();
  CHECK(first.count("dropped") >= 5);
  CHECK(first.count("failed") == 0);
  CHECK(restart().cache.size() == room + 5);
}

TEST_CASE_FIXTURE(fixture, "replay file: the option may be switched at any time") {
  leave(0, 3);
  current->settings.replay_check_persist = false;
  current->write();
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(current->journal.size() == 0);
  current->use(3, 5);
  current->write();
  CHECK_FALSE(std::filesystem::exists(file));
  current->settings.replay_check_persist = true;
  current->write();
  CHECK(restart().cache.size() == 5);
}

TEST_CASE("replay file: without a state_dir there is none") {
  run only{""};
  only.load();
  only.use(0, 3);
  only.write();
  CHECK(only.journal.size() == 0);
  CHECK(only.count("failed") == 0);
  CHECK(only.queue.take().records.empty());
}

TEST_CASE("replay writer: it writes twice a second, and once more when it is asked to end") {
  const test::temporary_directory directory;
  test::manual_node node{1, directory.path()};
  auto& side = node.client;
  const auto use = [&](std::uint32_t number) {
    side.replays.add(session(number));
    side.unwritten.add(session(number));
  };
  const auto writer = node.system().spawn(
      [&](caf::stateful_actor<replay_writer_state>* self) { return replay_writer(self, side); });
  node.settle();
  CHECK(side.journal.size() == size_of(0));
  use(1);
  node.advance(499ms);
  CHECK(side.journal.size() == size_of(0));
  node.advance(1ms);
  CHECK(side.journal.size() == size_of(1));
  // It follows the settings.
  node.configure([](auto& all) { all.client.replay_check_persist = false; });
  node.advance(500ms);
  CHECK(side.journal.size() == 0);
  node.configure([](auto& all) { all.client.replay_check_persist = true; });
  node.advance(500ms);
  CHECK(side.journal.size() == size_of(1));
  use(2);
  caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(std::filesystem::file_size(directory.path() / "seen-handshakes") == size_of(2));
}

}  // namespace
}  // namespace mtp::actors
