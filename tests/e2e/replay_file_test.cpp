// Handshakes are remembered over a restart, however the proxy ended, and whatever becomes of its
// disk.
#include <sys/mount.h>

#include <csignal>
#include <fstream>
#include <random>

#include "codecs/client/replay_record.hpp"
#include "tests/e2e/handshake_start.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const std::string written = "replay_file_written_total";

void kill_and_start(proxy_under_test& proxy) {
  proxy.client_side().kill();
  proxy.client_side().start();
}

TEST_CASE("replay file: what was used before SIGKILL is refused afterwards") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  const auto header = start_of(proxy.secret(), framing::padded);
  const auto tls = hello_of(proxy.secret());
  CHECK(lets_in(proxy, header));
  CHECK(lets_in(proxy, tls));
  // In a second at most; what is not on the disk by then may be used once more.
  CHECK(proxy.client_side().wait_for_metric(written, 2));
  for (int restarts = 1; restarts <= 2; ++restarts) {
    kill_and_start(proxy);
    CHECK(proxy.client_side().wait_for_output("seen-handshakes: 2 handshakes read"));
    CHECK_FALSE(lets_in(proxy, header));
    CHECK_FALSE(lets_in(proxy, tls));
    CHECK(proxy.metric(protocol_error("replay_session_detected")) == 2);
  }
  auto client = proxy.client(tls_protocol());
  check_echo(client);
}

TEST_CASE("replay file: a proxy that ends in order loses nothing") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto& node = proxy.client_side();
  const auto header = start_of(proxy.secret(), framing::padded);
  CHECK(lets_in(proxy, header));
  node.program().signal(SIGTERM);
  REQUIRE(node.program().wait(patience) == 0);
  node.start();
  CHECK_FALSE(lets_in(proxy, header));
}

/// Whether the file has the header of a client.
bool is_on_disk(const test_node& node, const secret16& secret, byte_view header) {
  std::ifstream in{node.state() / "seen-handshakes", std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto file = as_bytes(text);
  if (file.size() < replay_header_size) return false;
  const auto wanted = fingerprint_of(secret, header.subspan(8, 48));
  bool found = false;
  static_cast<void>(decode_replay_records(
      file.subspan(replay_header_size),
      [&](const replay_record& record) { found = found || record.fingerprint == wanted; }));
  return found;
}

TEST_CASE("replay file: killed at any moment, it can be read") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto& node = proxy.client_side();
  std::minstd_rand random{std::random_device{}()};
  std::vector<bytes> known;
  for (int round = 0; round < 5; ++round) {
    known.push_back(start_of(proxy.secret(), framing::padded));
    CHECK(lets_in(proxy, known.back()));
    CHECK(eventually([&] { return is_on_disk(node, proxy.secret(), known.back()); }, patience));
    for (auto left = random() % 200; left > 0; --left)
      static_cast<void>(proxy.connect().send(start_of(proxy.secret(), framing::padded), soon()));
    kill_and_start(proxy);
    CHECK(node.wait_for_output(" handshakes read, "));
    CHECK(node.count_in_output("damaged") == 0);
    for (const auto& header : known)
      CHECK_FALSE(lets_in(proxy, header));
    CHECK(proxy.metric(protocol_error("replay_session_detected")) == known.size());
  }
}

/// A small disk at `place`, as long as this lives.
class small_disk {
 public:
  explicit small_disk(std::filesystem::path place) : place_{std::move(place)} {
    std::filesystem::create_directories(place_);
    is_there_ = ::mount("none", place_.c_str(), "tmpfs", 0, "size=64k,mode=0700") == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  small_disk(small_disk&&) = delete;
  small_disk& operator=(small_disk&&) = delete;
  ~small_disk() {
    if (is_there_) ::umount2(place_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool is_there() const noexcept { return is_there_; }

 private:
  std::filesystem::path place_;
  bool is_there_ = false;
};

TEST_CASE("replay file: on a full disk memory goes on, and the file is whole once there is room") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto& node = proxy.client_side();
  node.kill();
  const small_disk disk{node.state()};
  if (!disk.is_there()) return skip("a tmpfs needs root");
  const auto filler = node.state() / "filler";
  {
    std::ofstream rest{filler, std::ios::binary};
    rest << std::string(std::size_t{1} << 17U, 'x');
  }
  node.start();
  CHECK(
      node.wait_for_output("seen-handshakes: No space left on device; handshakes are remembered "
                           "in memory only, until it can be written"));
  const auto header = start_of(proxy.secret(), framing::padded);
  CHECK(lets_in(proxy, header));
  CHECK_FALSE(lets_in(proxy, header));
  CHECK(node.metric("replay_file_failed_total") >= 1);
  std::filesystem::remove(filler);
  CHECK(node.wait_for_output("seen-handshakes: written again, with 1 handshakes"));
  kill_and_start(proxy);
  CHECK_FALSE(lets_in(proxy, header));
}

}  // namespace
}  // namespace mtp::test
