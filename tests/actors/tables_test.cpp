// Tables that several actors share: names, and what threads do to them at once.
#include <doctest/doctest.h>

#include <thread>

#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

// -- names --------------------------------------------------------------------------------------

TEST_CASE("names: the latest actor has the name, and only it can lose it") {
  test::manual_node node;
  auto& names = node.core.names;
  const auto spawn = [&] {
    return node.system().spawn([]() -> caf::behavior { return {[](caf::unit_t) {}}; });
  };
  const auto old_one = spawn();
  const auto new_one = spawn();
  names.put("x", old_one);
  names.put("x", new_one);
  names.remove("x", old_one.address());
  CHECK(names.find("x") == new_one);
  names.remove("x", new_one.address());
  CHECK_FALSE(names.find("x"));
  caf::anon_send_exit(old_one, caf::exit_reason::kill);
  caf::anon_send_exit(new_one, caf::exit_reason::kill);
}

// -- several threads ----------------------------------------------------------------------------

TEST_CASE("tables that reactors share: several threads at once") {
  test::manual_node node;
  std::atomic<int> fresh = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (std::uint64_t n = 0; n < 2'000; ++n) {
        bytes handshake;
        append_le(handshake, n);
        if (node.client.replays.add({.fingerprint = fingerprint_of({}, handshake)})) ++fresh;
        if (n % 500 == 0) {
          static_cast<void>(node.client.replays.remove_older(-1, -1));
          auto next = std::make_shared<telegram_config>();
          next->secret = handshake;
          node.uplink.telegram.set(std::move(next));
          node.core.names.put("x", caf::actor{});
        }
        static_cast<void>(node.uplink.telegram.get()->secret.size());
        static_cast<void>(node.core.names.find("x"));
      }
    });
  for (auto& thread : threads)
    thread.join();
  // Four threads saw each handshake; one of them was the first.
  CHECK(fresh == 2'000);
  CHECK(node.client.replays.size() == 2'000);
}

}  // namespace
}  // namespace mtp::actors
