// A stranger that comes to a back's port is turned away at no cost, the
// link that there is does not notice, and a new front still gets in.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <list>
#include <thread>

#include "codecs/base/text.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "tests/e2e/split_nodes.hpp"
#include "tests/support/delay_relay.hpp"
#include "tests/support/raw_tls_peer.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

/// CAF's handshake as a node without TLS would send it: begins with a header of 32 bytes.
bytes plain_basp() {
  bytes packet(512, 0);
  packet[7] = 1;
  return packet;
}

/// A connection to the back that was not told to wait.
net::unique_fd connect_to(const test_back& back) {
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const auto to =
      net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = back.port()});
  const int result = ::connect(fd.get(), to.get(), to.size);
  REQUIRE((result == 0 || errno == EINPROGRESS));
  return fd;
}

/// A back with a front whose client works all the while, and one that comes later.
class besieged {
 public:
  besieged() {
    back_options how;
    how.allowed = {"front", "late", "far"};
    nodes.add_back("back", how);
    nodes.add_front("front");
    nodes.start_all();
    nodes.add_front("late");
    client_.emplace(nodes.front().client());
    check_echo(*client_);
  }
  test_back& back() { return nodes.back(); }
  void check_echo_now() { check_echo(*client_); }
  /// The link is the one of the beginning.
  void check_untouched() {
    check_echo(*client_);
    CHECK(nodes.front().count_in_output(": connected (build") == 1);
    CHECK(nodes.front().count_in_output("connection is lost") == 0);
    CHECK(back().program().running());
  }
  /// A front that is so far away gets in before `limit`, and works.
  void check_far_newcomer(std::chrono::milliseconds distance, std::chrono::milliseconds limit) {
    const delay_relay way{{.ip = ip_address::v4({127, 0, 0, 1}), .port = back().port()}, distance};
    front_options how;
    how.backs = {"back@127.0.0.1:" + std::to_string(way.port())};
    auto& far = nodes.add_front("far", how);
    const auto begun = std::chrono::steady_clock::now();
    far.start();
    CHECK(far.wait_until_connected(1, limit));
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun);
    MESSAGE("a far front was connected ", took.count(), " ms after its start");
    auto client = far.client();
    check_echo(client);
  }
  /// A new front gets in soon.
  void check_newcomer(std::chrono::milliseconds limit) {
    auto& late = nodes.front(1);
    const auto begun = std::chrono::steady_clock::now();
    late.start();
    CHECK(late.wait_until_connected(1, limit));
    auto client = late.client();
    check_echo(client);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun);
    CHECK(took < limit);
    MESSAGE("a new front had its first echo ", took.count(), " ms after its start");
  }
  /// CPU time that the back uses in so much time.
  std::chrono::milliseconds cost_of(std::chrono::milliseconds span) {
    const auto before = cpu_time(back().program().pid());
    const auto until = std::chrono::steady_clock::now() + span;
    static_cast<void>(
        eventually([&] { return std::chrono::steady_clock::now() > until; }, span + 1s));
    return cpu_time(back().program().pid()) - before;
  }

  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};

 private:
  std::optional<net::proxy_client> client_;
};

TEST_CASE("split: who speaks no TLS is refused at once") {
  besieged place;
  const std::string http = "GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/7.88.1\r\n\r\n";
  auto noise = random_packet(4096);
  noise[0] = 'x';
  for (const auto& said : {to_bytes(as_bytes(http)), plain_basp(), noise}) {
    auto socket = net::blocking_socket::connect("127.0.0.1", place.back().port(), soon());
    REQUIRE(socket);
    const auto begun = std::chrono::steady_clock::now();
    static_cast<void>(socket->send(said, soon()));
    bytes buffer(4096);
    // An alert may come first.
    while (socket->receive(buffer, soon()).value_or(0) > 0) {
    }
    CHECK(std::chrono::steady_clock::now() - begun < 2s);
    place.check_echo_now();
  }
  CHECK(place.back().wait_for_metric("link_refused_total{reason=\"not_tls\"}", 3));
  place.check_untouched();
}

TEST_CASE("split: no certificate, another CA's, a name that is not allowed, TLS 1.2: refused") {
  besieged place;
  const certificate_authority stranger{place.nodes.directory(), "stranger"};
  const auto attempt = [&](const std::string& name, const raw_tls_peer::options& how,
                           const std::string& counted) {
    CAPTURE(name);
    const auto series = "link_refused_total{reason=\"" + counted + "\"}";
    const auto before = place.back().metric(series);
    raw_tls_peer peer{connect_to(place.back()), how};
    CHECK(eventually(
        [&] {
          peer.turn();
          return !peer.problem().empty();
        },
        patience));
    CHECK(place.back().wait_for_metric(series, before + 1));
    place.check_echo_now();
  };
  const auto with = [&](const certificate_authority& authority,
                        const certificate_options& options) {
    raw_tls_peer::options how;
    how.identity.emplace(authority.issue("stranger", options));
    return how;
  };
  const auto& authority = place.nodes.authority();
  attempt("no certificate", {}, "certificate");
  attempt("another CA's", with(stranger, {.name = "front"}), "certificate");
  attempt("its own name", with(authority, {.name = "nobody"}), "name");
  attempt("expired", with(authority, {.name = "front", .from = -2h, .until = -1h}), "certificate");
  attempt("not yet valid", with(authority, {.name = "front", .from = 1h, .until = 2h}),
          "certificate");
  attempt("a server's", with(authority, {.name = "front", .usage = key_usage::server}),
          "certificate");
  raw_tls_peer::options old;
  old.only_tls12 = true;
  attempt("TLS 1.2", old, "protocol");
  place.check_untouched();
  place.check_newcomer(5s);
}

TEST_CASE("split: a thousand silent clients and halves of handshakes cost next to nothing") {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  net::raise_open_files_limit();
  besieged place;
  constexpr std::size_t silent_clients = 1000;
  std::vector<net::unique_fd> silent;
  for (std::size_t i = 0; i < silent_clients; ++i)
    silent.push_back(connect_to(place.back()));
  // A client's hello, of which half is sent; and one that stops when it should answer.
  auto half = net::blocking_socket::connect("127.0.0.1", place.back().port(), soon());
  REQUIRE(half);
  bytes record{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
  record.resize(200);
  REQUIRE(half->send(record, soon()));
  raw_tls_peer stops{connect_to(place.back()), {}};
  stops.turn();
  place.check_newcomer(5s);

  const auto span = 3s;
  const auto cost = place.cost_of(span);
  MESSAGE("CPU time of the back beside ", silent_clients, " silent clients: ", cost.count(),
          " ms in ", std::chrono::milliseconds{span}.count(), " ms");
  // A spinning thread would use all of it.
  CHECK(cost < std::chrono::milliseconds{span} / 5);
  // All of them are closed in time, half a handshake, too.
  bytes buffer(4096);
  CHECK(half->receive(buffer, soon()).value_or(0) == 0);
  const auto is_closed = [](const net::unique_fd& fd) {
    std::uint8_t byte = 0;
    const auto size = ::recv(fd.get(), &byte, 1, 0);
    return size == 0 || (size < 0 && errno != EAGAIN);
  };
  CHECK(eventually([&] { return std::ranges::all_of(silent, is_closed); }, patience));
  const auto all = place.back().metrics();
  CHECK(value_of(all, "link_refused_total{reason=\"crowded_out\"}") > 0);
  CHECK(value_of(all, "link_refused_total{reason=\"timed_out\"}") > 0);
  place.check_untouched();
}

/// Strangers that come all the time, as many as keep every place taken, from eight addresses beside
/// the front's own.
class flood {
 public:
  explicit flood(std::uint16_t port) : thread_{[this, port] { run(port); }} {}
  flood(const flood&) = delete;
  flood& operator=(const flood&) = delete;
  flood(flood&&) = delete;
  flood& operator=(flood&&) = delete;
  ~flood() {
    stop_ = true;
    thread_.join();
  }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  void run(std::uint16_t port) {
    const auto to = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = port});
    std::deque<net::unique_fd> all;
    while (!stop_) {
      const auto host = static_cast<std::uint8_t>(2 + count_ % 8);
      const auto from =
          net::to_socket_address({.ip = ip_address::v4({127, 0, 0, host}), .port = 0});
      net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
      // On loopback it is connected at once.
      if (::bind(fd.get(), from.get(), from.size) == 0 &&
          (::connect(fd.get(), to.get(), to.size) == 0 || errno == EINPROGRESS) &&
          ::send(fd.get(), "\x16\x03\x01", 3, MSG_NOSIGNAL) == 3)
        ++count_;
      all.push_back(std::move(fd));
      if (all.size() > 600) all.pop_front();
      std::this_thread::sleep_for(500us);
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> count_ = 0;
  std::thread thread_;
};

TEST_CASE("split: strangers who keep all places taken don't keep a far front out") {
  net::raise_open_files_limit();
  besieged place;
  const flood strangers{place.back().port()};
  // There is no free place from here on.
  REQUIRE(eventually(
      [&] { return place.back().metric("link_refused_total{reason=\"crowded_out\"}") > 500; },
      patience));
  place.check_far_newcomer(300ms, 5s);
  MESSAGE("beside ", strangers.size(), " strangers");
  place.check_untouched();
}

TEST_CASE("split: strangers of every kind, again and again, beside a link under load") {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  besieged place;
  const certificate_authority stranger{place.nodes.directory(), "stranger"};
  std::array<raw_tls_peer::options, 3> hows;
  hows[0].identity.emplace(stranger.issue("s", {.name = "front"}));
  hows[1].only_tls12 = true;
  std::list<raw_tls_peer> peers;
  const auto cost_before = cpu_time(place.back().program().pid());
  const auto until = std::chrono::steady_clock::now() + 3s;
  std::size_t refused = 0;
  std::size_t turns = 0;
  while (std::chrono::steady_clock::now() < until) {
    if (peers.size() < 32) peers.emplace_back(connect_to(place.back()), hows[turns % hows.size()]);
    for (auto& peer : peers)
      peer.turn();
    refused += std::erase_if(peers, [](const auto& peer) { return !peer.problem().empty(); });
    if (++turns % 8 == 0) place.check_echo_now();
  }
  MESSAGE(refused, " handshakes were refused in 3 s, for ",
          (cpu_time(place.back().program().pid()) - cost_before).count(),
          " ms of the back's CPU time");
  CHECK(refused > 20);
  place.check_newcomer(5s);
  place.check_untouched();
}

}  // namespace
}  // namespace mtp::test
