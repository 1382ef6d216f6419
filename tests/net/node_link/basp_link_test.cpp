// Two of CAF's nodes in one process, joined by transports that have passed their handshake.
#include "net/node_link/basp_link.hpp"

#include <poll.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <future>
#include <thread>

#include "net/node_link/link_scribe.hpp"
#include "tests/net/tls/tls_ends.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr std::uint16_t link_port = 4711;

#ifdef __SANITIZE_THREAD__
// Each word of a text that passes through CAF, which is not instrumented, is a race to it: that
// takes minutes (tests/tsan.supp).
constexpr std::size_t text_part = 1024;
#else
constexpr std::size_t text_part = 1;
#endif

struct node_config : caf::actor_system_config {
  node_config() {
    load<caf::io::middleman>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

/// One of CAF's nodes, with an actor that sends back what it gets.
struct caf_node {
  caf_node()
      : echo{system.spawn([](caf::event_based_actor*) -> caf::behavior {
          return {[](const std::string& text) { return text; }};
        })} {}
  caf_node(const caf_node&) = delete;
  caf_node& operator=(const caf_node&) = delete;
  caf_node(caf_node&&) = delete;
  caf_node& operator=(caf_node&&) = delete;
  ~caf_node() { caf::anon_send_exit(echo, caf::exit_reason::kill); }

  node_config config;
  caf::actor_system system{config};
  caf::actor echo;
};

using join_result = tl::expected<linked_node, std::string>;

struct fixture : tls_fixture {
  struct transports {
    link_transport back;
    link_transport front;
  };
  [[nodiscard]] transports connect(bool tls) const {
    if (!tls) {
      auto plain = make_connection();
      const auto remote = peer_endpoint(plain.back.get());
      return {.back = {std::move(plain.back), nullptr, remote},
              .front = {std::move(plain.front), nullptr, remote}};
    }
    auto pair = shake_hands();
    const auto remote = peer_endpoint(pair.sockets.back.get());
    return {.back = {std::move(pair.sockets.back), std::move(pair.back), remote},
            .front = {std::move(pair.sockets.front), std::move(pair.front), remote}};
  }

  [[nodiscard]] static std::future<join_result> join(caf_node& node, link_transport transport,
                                                     std::chrono::milliseconds limit = 5s) {
    auto held = std::make_shared<std::optional<link_transport>>(std::move(transport));
    auto result = std::make_shared<std::promise<join_result>>();
    auto linked = result->get_future();
    node.system.spawn([held, result, limit](caf::event_based_actor* self) {
      join_link(*self, std::move(**held), link_port, limit,
                [result](join_result joined) { result->set_value(std::move(joined)); });
      held->reset();
    });
    return linked;
  }
  [[nodiscard]] static join_result wait(std::future<join_result> result) {
    REQUIRE(result.wait_for(10s) == std::future_status::ready);
    return result.get();
  }

  /// Sends `count` texts of `size` bytes in each direction at once, and gets them all back.
  static void exchange(caf_node& node, const caf::actor& there, std::size_t size, int count) {
    caf::scoped_actor self{node.system};
    const std::string text(size / text_part, 'x');
    for (int i = 0; i < count; ++i)
      self->send(there, text);
    for (int i = 0; i < count; ++i)
      self->receive([&](const std::string& got) { CHECK(got == text); },
                    caf::after(10s) >> [] { FAIL("no answer"); });
  }

  caf_node back;
  caf_node front;
};

TEST_CASE_FIXTURE(fixture, "basp link: actors of two nodes talk, over TLS and plain TCP") {
  for (const bool tls : {true, false}) {
    auto both = connect(tls);
    const auto here = both.front.session();
    const auto there = both.back.session();
    publish_link(back.system, std::move(both.back), link_port, back.echo);
    const auto joined = wait(join(front, std::move(both.front)));
    REQUIRE(joined);
    CHECK(joined->node == back.system.node());
    CHECK(joined->published == back.echo);
    // 2 MiB each way, and a message close to the limit.
    exchange(front, joined->published, std::size_t{64} * 1024, 32);
    exchange(front, joined->published, max_basp_payload - 1000, 1);
    CHECK(here->sent() > (std::size_t{3} << 20) / text_part);
    CHECK(here->received() > (std::size_t{3} << 20) / text_part);
    CHECK(eventually([&] { return there->sent() == here->received(); }, 5s));
    CHECK(eventually([&] { return there->received() == here->sent(); }, 5s));
    CHECK_FALSE(here->ended());
    here->cut("enough");
    CHECK(eventually([&] { return here->ended() && there->ended(); }, 5s));
    CHECK(here->ended() == "enough");
    CHECK(there->ended() == "it closed the connection");
  }
}

TEST_CASE_FIXTURE(fixture, "basp link: whose peer has joined can be told from a stranger's") {
  auto both = connect(false);
  auto other = connect(false);
  const auto front_session = both.back.session();
  const auto stranger_session = other.back.session();
  publish_link(back.system, std::move(both.back), link_port, back.echo);
  publish_link(back.system, std::move(other.back), link_port, back.echo);
  // A message's header, of which only a node would know how to go on.
  const auto stranger = std::move(other.front).take();
  const bytes noise{2, 0, 0, 0, 0, 1, 0, 0};
  REQUIRE(::send(stranger.fd.get(), noise.data(), noise.size(), 0) == 8);
  CHECK(eventually([&] { return stranger_session->received() == 8; }, 5s));
  CHECK_FALSE(has_joined(back.system, *front_session));
  REQUIRE(wait(join(front, std::move(both.front))));
  CHECK(eventually([&] { return has_joined(back.system, *front_session); }, 5s));
  CHECK_FALSE(has_joined(back.system, *stranger_session));
  front_session->cut("");
  CHECK(eventually([&] { return front_session->ended().has_value(); }, 5s));
  CHECK_FALSE(has_joined(back.system, *front_session));
  stranger.session->finish();
}

TEST_CASE_FIXTURE(fixture, "basp link: cutting from any thread ends it, and its actors are down") {
  auto both = connect(true);
  const auto here = both.front.session();
  const auto there = both.back.session();
  publish_link(back.system, std::move(both.back), link_port, back.echo);
  const auto joined = wait(join(front, std::move(both.front)));
  REQUIRE(joined);
  caf::scoped_actor self{front.system};
  self->monitor(joined->published);
  std::promise<std::string> ended;
  here->on_end([&](const std::string& why) { ended.set_value(why); });
  // In the middle of traffic that the receiver does not wait for.
  for (int i = 0; i < 100; ++i)
    self->send(joined->published, std::string(100'000 / text_part, 'x'));
  std::thread cutter{[&] { there->cut("the operator wants it"); }};
  auto told = ended.get_future();
  REQUIRE(told.wait_for(10s) == std::future_status::ready);
  cutter.join();
  bool down = false;
  self->receive_while([&] { return !down; })([&](const caf::down_msg&) { down = true; },
                                             [](const std::string&) {},
                                             caf::after(10s) >> [] { FAIL("not down"); });
  CHECK(eventually([&] { return there->ended().has_value(); }, 5s));
  CHECK(there->ended() == "the operator wants it");
  // And another connection works.
  auto again = connect(true);
  publish_link(back.system, std::move(again.back), link_port, back.echo);
  const auto rejoined = wait(join(front, std::move(again.front)));
  REQUIRE(rejoined);
  exchange(front, rejoined->published, 1000, 10);
}

TEST_CASE_FIXTURE(fixture, "basp link: bytes that OpenSSL has read already are not forgotten") {
  auto pair = shake_hands();
  // A header that ends the connection when it is seen; nothing will come after it.
  bytes header(32);
  header[15] = 4;
  REQUIRE(pair.back->write(header).size == header.size());
  REQUIRE(eventually([&] { return pair.front->await_data() == tls_progress::done; }, 5s));
  // They wake up no reactor: the socket is empty.
  std::uint8_t byte = 0;
  REQUIRE(::recv(pair.sockets.front.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1);
  link_transport transport{std::move(pair.sockets.front), std::move(pair.front), {}};
  const auto session = transport.session();
  CHECK_FALSE(wait(join(front, std::move(transport), 5s)));
  REQUIRE(eventually([&] { return session->ended().has_value(); }, 5s));
  CHECK(session->ended() == "it sent an empty BASP handshake");
}

TEST_CASE_FIXTURE(fixture, "basp link: a peer that announces 4 GB is cut off") {
  // A client handshake (type 1) with a payload of 2^32-1 bytes: header of 32 bytes, big-endian.
  bytes header(32);
  header[0] = 1;
  for (std::size_t i = 4; i < 8; ++i)
    header[i] = 0xff;
  for (const bool tls : {true, false}) {
    tls_channel* channel = nullptr;
    fixture::tls_ends pair;
    if (tls)
      pair = shake_hands();
    else
      pair.sockets = make_connection();
    channel = pair.front.get();
    link_transport transport{std::move(pair.sockets.back), std::move(pair.back), {}};
    const auto session = transport.session();
    publish_link(back.system, std::move(transport), link_port, back.echo);
    if (tls)
      REQUIRE(channel->write(header).size == header.size());
    else
      REQUIRE(::send(pair.sockets.front.get(), header.data(), header.size(), 0) == 32);
    REQUIRE(eventually([&] { return session->ended().has_value(); }, 5s));
    CHECK(session->ended() == "it announced a message of 4294967295 bytes");
  }
}

TEST_CASE_FIXTURE(fixture, "basp link: an empty handshake, which CAF can't take, ends it") {
  // From the end that accepts, type 0 and a version; from the one that dials, type 1.
  bytes header(32);
  SUBCASE("the front's") {
    auto raw = make_connection();
    link_transport transport{std::move(raw.back), nullptr, {}};
    const auto session = transport.session();
    publish_link(back.system, std::move(transport), link_port, back.echo);
    header[0] = 1;
    REQUIRE(::send(raw.front.get(), header.data(), header.size(), 0) == 32);
    REQUIRE(eventually([&] { return session->ended().has_value(); }, 5s));
    CHECK(session->ended() == "it sent an empty BASP handshake");
  }
  SUBCASE("the back's") {
    auto raw = make_connection();
    header[15] = 4;
    REQUIRE(::send(raw.back.get(), header.data(), header.size(), 0) == 32);
    link_transport transport{std::move(raw.front), nullptr, {}};
    const auto session = transport.session();
    CHECK_FALSE(wait(join(front, std::move(transport))));
    REQUIRE(eventually([&] { return session->ended().has_value(); }, 5s));
    CHECK(session->ended() == "it sent an empty BASP handshake");
  }
}

TEST_CASE_FIXTURE(fixture, "basp link: damaged records end one connection and no other") {
  auto good = connect(true);
  publish_link(back.system, std::move(good.back), link_port, back.echo);
  const auto joined = wait(join(front, std::move(good.front)));
  REQUIRE(joined);
  auto bad = shake_hands();
  link_transport transport{std::move(bad.sockets.back), std::move(bad.back), {}};
  const auto session = transport.session();
  publish_link(back.system, std::move(transport), link_port, back.echo);
  const bytes noise{23, 3,  3,  0,  20, 1,  2,  3,  4,  5,  6,  7, 8,
                    9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
  REQUIRE(::send(bad.sockets.front.get(), noise.data(), noise.size(), 0) > 0);
  REQUIRE(eventually([&] { return session->ended().has_value(); }, 5s));
  CHECK(session->ended()->starts_with("TLS failed: "));
  exchange(front, joined->published, 1000, 10);
}

TEST_CASE_FIXTURE(fixture, "basp link: whoever speaks no BASP, or not at all, is told") {
  auto pair = connect(false);
  const auto session = pair.front.session();
  SUBCASE("nothing") {
    const auto joined = wait(join(front, std::move(pair.front), 100ms));
    REQUIRE_FALSE(joined);
    CHECK(joined.error() == "its BASP handshake did not come in time");
  }
  SUBCASE("gone") {
    pair.back.session()->cut("");
    const auto joined = wait(join(front, std::move(pair.front)));
    REQUIRE_FALSE(joined);
    CHECK(joined.error() == "the connection ended during the BASP handshake");
  }
  SUBCASE("nonsense") {
    auto raw = std::move(pair.back).take();
    const bytes noise(32, 0xff);
    REQUIRE(::send(raw.fd.get(), noise.data(), noise.size(), 0) == 32);
    const auto joined = wait(join(front, std::move(pair.front)));
    REQUIRE_FALSE(joined);
    CHECK(joined.error().starts_with("the BASP handshake failed: "));
  }
  CHECK(eventually([&] { return session->ended().has_value(); }, 5s));
}

TEST_CASE_FIXTURE(fixture, "basp link: a node does not join itself") {
  auto both = connect(true);
  publish_link(front.system, std::move(both.back), link_port, front.echo);
  const auto joined = wait(join(front, std::move(both.front)));
  REQUIRE_FALSE(joined);
  CHECK(joined.error() == "it is this node itself");
}

/// Passes bytes on between two sockets until it is told to stall.
class relay {
 public:
  relay(unique_fd first, unique_fd other) : first_{std::move(first)}, other_{std::move(other)} {}
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  relay(relay&&) = delete;
  relay& operator=(relay&&) = delete;
  ~relay() { stall(); }

  void stall() {
    stalled_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    while (!stalled_) {
      std::array<pollfd, 2> both{pollfd{.fd = first_.get(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = other_.get(), .events = POLLIN, .revents = 0}};
      static_cast<void>(::poll(both.data(), both.size(), 10));
      if (both[0].revents != 0) pass(first_.get(), other_.get());
      if (both[1].revents != 0) pass(other_.get(), first_.get());
    }
  }
  void pass(int from, int to) {
    std::array<char, 65536> buffer;
    const auto size = ::recv(from, buffer.data(), buffer.size(), 0);
    for (ssize_t at = 0; at < size && !stalled_;) {
      const auto sent =
          ::send(to, buffer.data() + at, static_cast<std::size_t>(size - at), MSG_NOSIGNAL);
      if (sent > 0) at += sent;
    }
  }

  unique_fd first_;
  unique_fd other_;
  std::atomic<bool> stalled_ = false;
  std::thread thread_{[this] { run(); }};
};

TEST_CASE("basp link: a peer that takes nothing holds neither a cut nor the end of the node up") {
  if (text_part != 1) return;  // small texts do not fill the kernel's buffers
  auto test = std::make_unique<fixture>();
  auto to_back = make_connection();
  auto to_front = make_connection();
  relay between{std::move(to_back.back), std::move(to_front.back)};
  link_transport accepting{std::move(to_back.front), nullptr, {}};
  link_transport dialing{std::move(to_front.front), nullptr, {}};
  const auto here = dialing.session();
  publish_link(test->back.system, std::move(accepting), link_port, test->back.echo);
  const auto joined = fixture::wait(fixture::join(test->front, std::move(dialing)));
  REQUIRE(joined);
  between.stall();
  const auto before = here->sent();
  for (int i = 0; i < 200; ++i)
    caf::anon_send(joined->published, std::string(100'000, 'x'));
  // Some of it is in kernels' buffers; then nothing moves.
  REQUIRE(eventually([&] { return here->sent() > before + 100'000; }, 5s));
  std::uint64_t last = 0;
  REQUIRE(eventually([&] { return std::exchange(last, here->sent()) == here->sent(); }, 5s));
  const auto begun = std::chrono::steady_clock::now();
  SUBCASE("cut") {
    here->cut("enough");
    CHECK(eventually([&] { return here->ended().has_value(); }, 1s));
    CHECK(here->ended() == "enough");
  }
  SUBCASE("end") {
    test.reset();
    CHECK(here->ended());
    CHECK(std::chrono::steady_clock::now() - begun < 8s);
    MESSAGE("stopping took ", (std::chrono::steady_clock::now() - begun) / 1ms, " ms");
  }
}

}  // namespace
}  // namespace mtp::net
