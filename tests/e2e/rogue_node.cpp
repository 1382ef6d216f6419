#include "tests/e2e/rogue_node.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <ctime>
#include <future>

#include "actors/node_link/link_messages.hpp"
#include "codecs/base/text.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/node_link/basp_link.hpp"

namespace mtp::test {

using namespace std::chrono_literals;
using actors::link_blob;

secured dial_back(const test_back& back, const std::optional<net::tls_files>& files) {
  secured peer{.fd = net::unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)},
               .channel = {},
               .remote = {.ip = ip_address::v4({127, 0, 0, 1}), .port = back.port()}};
  const auto to = net::to_socket_address(peer.remote);
  REQUIRE(::connect(peer.fd.get(), to.get(), to.size) == 0);
  REQUIRE(::fcntl(peer.fd.get(), F_SETFL, O_NONBLOCK) == 0);
  if (!files) return peer;
  auto context = net::tls_context::load(*files, net::tls_side::dialing);
  REQUIRE(context);
  peer.channel = std::make_unique<net::tls_channel>(
      *context, peer.fd.get(), std::make_shared<const net::node_names>(net::node_names{"back"}));
  REQUIRE(
      eventually([&] { return peer.channel->handshake() == net::tls_progress::done; }, patience));
  REQUIRE(
      eventually([&] { return peer.channel->await_data() == net::tls_progress::done; }, patience));
  return peer;
}

rogue_config::rogue_config() {
  load<caf::io::middleman>();
  add_message_type<link_blob>("mtp.link_blob");
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", std::size_t{1});
  set("middleman.app-identifiers", std::vector<std::string>{"mtproto-proxy"});
  set("middleman.heartbeat-interval", caf::timespan{1s});
}

// -- front --------------------------------------------------------------------------------------

rogue_front::rogue_front(const test_back& back, const std::optional<net::tls_files>& files) {
  auto [fd, channel, remote] = dial_back(back, files);
  auto transport = std::make_shared<net::link_transport>(std::move(fd), std::move(channel), remote);
  connection = transport->session();
  std::promise<caf::actor> found;
  joiner_ = system_.spawn([&](caf::event_based_actor* me) -> caf::behavior {
    net::join_link(*me, std::move(*transport), actors::link_key, 5s,
                   [&](tl::expected<net::linked_node, std::string> joined) {
                     found.set_value(joined ? joined->published : caf::actor{});
                   });
    return {[](const std::string&) {}};
  });
  gateway_ = found.get_future().get();
  REQUIRE(gateway_ != nullptr);
  agent_ = system_.spawn(
      [](caf::event_based_actor*) -> caf::behavior { return {[](const link_blob&) {}}; });
}

rogue_front::~rogue_front() {
  connection->cut("the test is over");
  for (auto* const actor : {&joiner_, &agent_}) {
    caf::anon_send_exit(*actor, caf::exit_reason::kill);
    *actor = nullptr;
  }
  partner = nullptr;
  gateway_ = nullptr;
}

link_hello rogue_front::make_hello() {
  session = load_le<std::uint64_t>(net::random_array<8>()) | 1;
  return {.build = "rogue",
          .name = "rogue",
          .node = 4711,
          .session = session,
          .clock = std::time(nullptr),
          .nonce = net::random_array<link_nonce{}.size()>(),
          .proof = {}};
}

std::optional<link_answer> rogue_front::say_hello(const link_hello& hello) {
  std::optional<link_answer> received;
  self_
      ->request(gateway_, patience, actors::link_hello_atom::value,
                std::string{as_text(encode_link_hello(hello))}, std::vector<caf::actor>{agent_})
      .receive(
          [&](const std::string& answer, const std::vector<caf::actor>& agents) {
            if (const auto decoded = decode_link_answer(as_bytes(answer))) received = *decoded;
            if (!agents.empty()) partner = agents.front();
          },
          [](const caf::error&) {});
  return received;
}

bool rogue_front::begin() {
  const auto answer = say_hello(make_hello());
  return answer && answer->verdict == link_answer::kind::welcome;
}

void rogue_front::say(const std::vector<stream_frame>& frames, std::uint64_t taken) {
  bytes blob;
  begin_stream_blob({.session = session, .taken = taken}, blob);
  for (const auto& frame : frames)
    encode_stream_frame(frame, blob);
  caf::anon_send(partner, link_blob{std::string{as_text(blob)}});
}

void rogue_front::babble(const std::string& text) {
  self_->send(gateway_, text);
  if (partner != nullptr) self_->send(partner, text);
  const auto basp = system_.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  for (const auto name : {caf::atom("SpawnServ"), caf::atom("ConfigServ")})
    self_->send(basp, caf::forward_atom::value, gateway_.node(), name, caf::make_message(text));
}

// -- back ---------------------------------------------------------------------------------------

namespace {

net::bound_port bind_any() {
  auto bound = net::bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
  REQUIRE(bound);
  return std::move(*bound);
}

}  // namespace

rogue_back::rogue_back(std::function<link_answer(const link_hello&)> answer,
                       const std::optional<net::tls_files>& files)
    : port_{bind_any()},
      gateway_{system_.spawn([answer =
                                  std::move(answer)](caf::event_based_actor*) -> caf::behavior {
        return {[answer](actors::link_hello_atom, const std::string& said,
                         const std::vector<caf::actor>&)
                    -> caf::result<std::string, std::vector<caf::actor>> {
          const auto hello = decode_link_hello(as_bytes(said));
          return {std::string{as_text(encode_link_answer(answer(hello ? *hello : link_hello{})))},
                  std::vector<caf::actor>{}};
        }};
      })} {
  if (!files) return;
  auto loaded = net::tls_context::load(*files, net::tls_side::accepting);
  REQUIRE(loaded);
  context_ = std::move(*loaded);
}

rogue_back::~rogue_back() {
  for (const auto& session : connections_)
    session->cut("the test is over");
  caf::anon_send_exit(gateway_, caf::exit_reason::kill);
}

std::string rogue_back::address() const {
  return "back@" + to_string(port_.where());
}

bool rogue_back::accept() {
  net::unique_fd fd{::accept4(port_.socket(0), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (!fd) return false;
  std::unique_ptr<net::tls_channel> channel;
  if (context_ != nullptr) {
    channel = std::make_unique<net::tls_channel>(
        context_, fd.get(), std::make_shared<const net::node_names>(net::node_names{"front"}));
    REQUIRE(eventually([&] { return channel->handshake() == net::tls_progress::done; }, patience));
  }
  net::link_transport transport{std::move(fd), std::move(channel), {}};
  connections_.push_back(transport.session());
  net::publish_link(system_, std::move(transport), actors::link_key, gateway_);
  return true;
}

}  // namespace mtp::test
