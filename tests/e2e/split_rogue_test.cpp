// A front whose certificate is right and who does not keep to the rules: it loses its session, the
// back's memory has bounds, and nobody else notices.
#include <fcntl.h>
#include <sys/socket.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <future>

#include "actors/link_messages.hpp"
#include "codecs/link_hello.hpp"
#include "codecs/stream_frame.hpp"
#include "codecs/text.hpp"
#include "net/basp_link.hpp"
#include "net/entropy.hpp"
#include "net/socket_address.hpp"
#include "net/tls_channel.hpp"
#include "tests/e2e/split_nodes.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;
using actors::link_blob;

constexpr double mib = 1024.0 * 1024.0;

struct secured {
  net::unique_fd fd;
  std::unique_ptr<net::tls_channel> channel;
  endpoint remote;
};

/// TLS with the back, done by the rules.
secured dial(const test_back& back, const net::tls_files& files) {
  secured out{.fd = net::unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)},
              .channel = {},
              .remote = {.ip = ip_address::v4({127, 0, 0, 1}), .port = back.port()}};
  const auto to = net::to_socket_address(out.remote);
  REQUIRE(::connect(out.fd.get(), to.get(), to.size) == 0);
  REQUIRE(::fcntl(out.fd.get(), F_SETFL, O_NONBLOCK) == 0);
  auto context = net::tls_context::load(files, net::tls_side::dialing);
  REQUIRE(context);
  out.channel = std::make_unique<net::tls_channel>(
      *context, out.fd.get(), std::make_shared<const net::node_names>(net::node_names{"back"}));
  REQUIRE(
      eventually([&] { return out.channel->handshake() == net::tls_progress::done; }, patience));
  REQUIRE(
      eventually([&] { return out.channel->await_data() == net::tls_progress::done; }, patience));
  return out;
}

struct node_config : caf::actor_system_config {
  node_config() {
    load<caf::io::middleman>();
    add_message_type<link_blob>("mtp.link_blob");
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    set("middleman.app-identifiers", std::vector<std::string>{"mtproto-proxy"});
    set("middleman.heartbeat-interval", caf::timespan{1s});
  }
};

/// A node of CAF's with one agent, which listens and never answers.
class rogue_front {
 public:
  rogue_front(const test_back& back, const net::tls_files& files) {
    auto [fd, channel, remote] = dial(back, files);
    auto transport =
        std::make_shared<net::link_transport>(std::move(fd), std::move(channel), remote);
    connection = transport->session();
    std::promise<caf::actor> found;
    joiner_ = system.spawn([&](caf::event_based_actor* me) -> caf::behavior {
      net::join_link(*me, std::move(*transport), actors::link_key, 5s,
                     [&](tl::expected<net::linked_node, std::string> joined) {
                       found.set_value(joined ? joined->published : caf::actor{});
                     });
      return {[](const std::string&) {}};
    });
    gateway = found.get_future().get();
    REQUIRE(gateway != nullptr);
    agent_ = system.spawn(
        [](caf::event_based_actor*) -> caf::behavior { return {[](const link_blob&) {}}; });
  }
  rogue_front(const rogue_front&) = delete;
  rogue_front& operator=(const rogue_front&) = delete;
  rogue_front(rogue_front&&) = delete;
  rogue_front& operator=(rogue_front&&) = delete;
  ~rogue_front() {
    connection->cut("the test is over");
    for (auto* const one : {&joiner_, &agent_}) {
      caf::anon_send_exit(*one, caf::exit_reason::kill);
      *one = nullptr;
    }
    partner = nullptr;
    gateway = nullptr;
  }

  /// Says hello; true if the back welcomes it. `partner` is its agent then.
  bool begin() {
    session = load_le<std::uint64_t>(net::random_array<8>()) | 1;
    const link_hello hello{.build = "rogue",
                           .name = "rogue",
                           .node = 4711,
                           .session = session,
                           .clock = std::time(nullptr),
                           .nonce = net::random_array<link_nonce{}.size()>(),
                           .proof = {}};
    bool welcome = false;
    self->request(gateway, 5s, actors::link_hello_atom::value,
                  std::string{as_text(encode_link_hello(hello))}, std::vector<caf::actor>{agent_})
        .receive(
            [&](const std::string& answer, const std::vector<caf::actor>& agents) {
              const auto decoded = decode_link_answer(as_bytes(answer));
              welcome = decoded && decoded->what == link_answer::kind::welcome;
              if (!agents.empty()) partner = agents.front();
            },
            [](const caf::error&) {});
    return welcome;
  }
  void say(const std::vector<stream_frame>& what, std::uint64_t taken = 0) {
    bytes blob;
    begin_stream_blob({.session = session, .taken = taken}, blob);
    for (const auto& one : what)
      encode_stream_frame(one, blob);
    caf::anon_send(partner, link_blob{std::string{as_text(blob)}});
  }
  void say_open(stream_id id) { say({{id, stream::open{.dc = 2}}}); }

  node_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  caf::actor gateway;
  caf::actor partner;
  std::uint64_t session = 0;
  std::shared_ptr<net::link_session> connection;

 private:
  caf::actor joiner_;
  caf::actor agent_;
};

/// A back with a front whose client works all the while.
class rogue_fixture {
 public:
  rogue_fixture() {
    back_options how;
    how.allowed = {"front", "rogue"};
    nodes.add_back("back", how);
    nodes.add_front();
    nodes.start_all();
    client.emplace(nodes.front().client());
    check_echo(*client);
    files = nodes.authority().issue("rogue", {.name = "rogue"});
  }
  [[nodiscard]] test_back& back() { return nodes.back(); }
  /// The rogue's session has ended for that reason; the front's has not.
  void check_ended(const std::string& why) {
    const bool ended = back().wait_for_output(why);
    INFO(back().output());
    CHECK(ended);
    check_untouched();
  }
  void check_untouched() {
    check_echo(*client);
    CHECK(back().program().running());
    CHECK(nodes.front().count_in_output(": connected (build") == 1);
    CHECK(nodes.front().count_in_output("connection is lost") == 0);
  }

  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  net::tls_files files;
  std::optional<net::proxy_client> client;
};

stream::data packet_of(std::size_t size) {
  return {.packet = packet_buffer{random_packet(size)}};
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that uses a stream's number again") {
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  rogue.say_open(7);
  check_ended("it breaks the rules of a stream");
  CHECK(back().wait_for_metric("dc_num_upstreams{dc=\"2\"}", 1));
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that has taken what it was not sent") {
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  rogue.say({{7, packet_of(64)}}, std::uint64_t{1} << 40U);
  check_ended("what it says can't be read");
  CHECK(back().wait_for_metric("dc_num_upstreams{dc=\"2\"}", 1));
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front whose acks are of nothing") {
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  for (int i = 0; i < 1000; ++i)
    rogue.say({{7, stream::ack{0xffff'ffff, 0xffff'ffff}}, {99, stream::ack{1, 1}}});
  // Its stream is served as before, and others are. Data that comes before it is open is dropped.
  CHECK(eventually(
      [&] {
        rogue.say({{7, packet_of(64)}});
        return telegram.clients(2) == 2;
      },
      patience));
  check_untouched();
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that floods a stream beyond its credit") {
  const auto before = resident_memory(back().program().pid());
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  for (int i = 0; i < 1000; ++i)
    rogue.say({{7, packet_of(200'000)}});
  // Whichever limit it meets first: its credit, or what may wait for it of the answers that it does
  // not take.
  CHECK(eventually(
      [&] {
        const auto said = back().output();
        return said.find("it breaks the rules of a stream") != std::string::npos ||
               said.find("closing a client that does not read") != std::string::npos;
      },
      patience));
  check_untouched();
  const auto after = resident_memory(back().program().pid());
  MESSAGE("the back grew from ", before / mib, " to ", after / mib, " MiB");
#ifdef NDEBUG
  CHECK(after - before < 250 * mib);
#endif
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that floods what is of no stream") {
  const auto before = resident_memory(back().program().pid());
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  double most = 0;
  // 400 MiB.
  for (int i = 0; i < 2000; ++i) {
    rogue.say({{99, packet_of(200'000)}});
    if (i % 100 == 0) {
      check_echo(*client);
      most = std::max(most, resident_memory(back().program().pid()));
    }
  }
  CHECK(eventually(
      [&] {
        most = std::max(most, resident_memory(back().program().pid()));
        return rogue.connection->ended() || rogue.connection->sent() > 390'000'000;
      },
      60s));
  MESSAGE("the back grew from ", before / mib, " to at most ", most / mib, " MiB");
#ifdef NDEBUG
  CHECK(most - before < 150 * mib);
#endif
  check_untouched();
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that begins one session after another") {
  const auto before = resident_memory(back().program().pid());
  rogue_front rogue{back(), files};
  for (int i = 0; i < 300; ++i) {
    REQUIRE(rogue.begin());
    rogue.say_open(7);
    if (i % 50 == 0) check_echo(*client);
  }
  CHECK(back().wait_for_metric("dc_num_upstreams{dc=\"2\"}", 2));
  const auto after = resident_memory(back().program().pid());
  MESSAGE("the back grew from ", before / mib, " to ", after / mib, " MiB");
#ifdef NDEBUG
  CHECK(after - before < 50 * mib);
#endif
  check_untouched();
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that announces 4 GB, or speaks no BASP") {
  auto [fd, channel, remote] = dial(back(), files);
  bytes header(32);
  SUBCASE("4 GB") {
    header[0] = 1;
    for (std::size_t i = 4; i < 8; ++i)
      header[i] = 0xff;
  }
  SUBCASE("an empty handshake, which CAF would read") {
    header[0] = 1;
  }
  SUBCASE("no BASP") {
    header = random_packet(32);
    header[0] = 0xfe;
  }
  REQUIRE(channel->write(header).size == header.size());
  bytes into(65536);
  CHECK(eventually(
      [&, &tls = channel] { return tls->read(into).next == net::tls_progress::failed; }, patience));
  if (header[4] == 0xff && header[0] == 1)
    CHECK(back().wait_for_output("announced a message of 4294967295 bytes; closing"));
  CHECK(resident_memory(back().program().pid()) < 1024 * mib);
  check_untouched();
}

}  // namespace
}  // namespace mtp::test
