// Credit is conserved: whatever clients, Telegram and connections do, once everybody has read all
// there is, every count of what is on its way is back at nothing.
#include <sys/socket.h>

#include <map>

#include "actors/client/client_conn.hpp"
#include "actors/core/memory_guard.hpp"
#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/node_link/back_session.hpp"
#include "actors/node_link/front_agent.hpp"
#include "actors/node_link/link_gateway.hpp"
#include "actors/uplink/middle/dc_conn.hpp"
#include "actors/uplink/middle/dc_pool.hpp"
#include "codecs/base/overloaded.hpp"
#include "codecs/client/obfuscated2.hpp"
#include "net/loop/bound_port.hpp"
#include "tests/support/fixed_uplink.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/middle_proxy.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr dc_id tested_dc = 2;
constexpr std::size_t most_clients = 6;

enum class action : std::uint8_t {
  come,
  leave,
  client_sends,
  client_reads,
  dc_sends,
  dc_reads,
  dc_closes_client,
  rotate,
  pass_time,
};
constexpr std::array<const char*, 9> action_names{
    "come",     "leave",    "client_sends",     "client_reads",
    "dc_sends", "dc_reads", "dc_closes_client", "rotate",
    "pass_time"};

/// `pick` chooses among those there are, so that any part of a list of steps is a list of steps.
struct step {
  action kind = action::come;
  unsigned pick = 0;
  unsigned words = 1;
};
void showValue(const step& shown, std::ostream& output) {
  output << action_names.at(static_cast<std::size_t>(shown.kind)) << ' ' << shown.pick << ' '
         << 4 * shown.words;
}

rc::Gen<step> any_step() {
  const auto kinds = rc::gen::weightedElement<action>({{3, action::come},
                                                       {1, action::leave},
                                                       {6, action::client_sends},
                                                       {4, action::client_reads},
                                                       {8, action::dc_sends},
                                                       {3, action::dc_reads},
                                                       {1, action::dc_closes_client},
                                                       {1, action::rotate},
                                                       {2, action::pass_time}});
  const auto words = rc::gen::oneOf(rc::gen::inRange(1U, 64U), rc::gen::inRange(1U, 25'000U));
  return rc::gen::build<step>(rc::gen::set(&step::kind, kinds),
                              rc::gen::set(&step::pick, rc::gen::inRange(0U, 100U)),
                              rc::gen::set(&step::words, words));
}

/// A client's own end. What it gets is not looked at.
class talker {
 public:
  talker(net::unique_fd fd, std::uint16_t port, const secret16& secret) : port_{port} {
    fd_ = std::move(fd);
    auto header = make_obfuscated2(net::random_array<64>(), secret, framing::padded, tested_dc);
    unsent_ = to_bytes(header.header);
    writer_.emplace(std::move(header.to_server), envelope::none);
  }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  void send(std::size_t size) {
    bytes packet(size, 0x11);
    encode_frame(framing::padded, packet, {}, writer_->plain());
    append(unsent_, writer_->take());
  }
  /// Returns how many bytes the proxy's socket took.
  std::size_t push() {
    const auto size = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (size <= 0) return 0;
    unsent_.erase(unsent_.begin(), unsent_.begin() + size);
    return static_cast<std::size_t>(size);
  }
  std::size_t read(std::size_t size) {
    bytes into(size);
    const auto got = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (got == 0) closed_ = true;
    return got <= 0 ? 0 : static_cast<std::size_t>(got);
  }
  [[nodiscard]] bool closed() const noexcept { return closed_; }

 private:
  std::uint16_t port_;
  net::unique_fd fd_;
  std::optional<obfuscated_writer> writer_;
  bytes unsent_;
  bool closed_ = false;
};

class world {
 public:
  world(std::optional<std::size_t> total_mem, bool through_link) {
    auto config = std::make_shared<telegram_config>();
    config->secret = secret_;
    config->v4.endpoints[tested_dc].push_back(*parse_endpoint("10.0.0.1:8888"));
    node_.uplink.telegram.set(std::move(config));
    node_.configure([&](auto& settings) {
      settings.uplink.downstream_backpressure = {.bytes_total = 60'000,
                                                 .packets_total = 40,
                                                 .bytes_per_upstream = std::nullopt,
                                                 .packets_per_upstream = std::nullopt};
      settings.uplink.upstream_healthchecks = {.qlen = std::nullopt, .total_mem = total_mem};
      settings.client.server_error_filter = config::error_filter::off;
      settings.uplink.dc_ping_interval = 1h;
      settings.uplink.dc_stall_timeout = 1h;
    });
    auto sockets =
        net::bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
    REQUIRE(sockets);
    config::port_settings port{.name = "test", .secret = net::random_array<16>()};
    port_ = std::make_shared<open_port>(port, client_metrics{node_.core.metrics, "test"});
    if (through_link) {
      start_link();
      node_.client.uplink = &node_.link;
    } else {
      node_.client.uplink = &uplink_;
    }
    connect();
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  world(world&&) = delete;
  world& operator=(world&&) = delete;
  ~world() {
    if (conn_ != nullptr) caf::anon_send_exit(conn_, caf::exit_reason::kill);
    talkers_.clear();
    node_.settle();
    node_.advance(10s);
    for (const auto& actor : link_actors_)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    node_.settle();
  }

  void take(const step& next) {
    const auto client = talkers_.empty() ? nullptr : &talkers_[next.pick % talkers_.size()];
    const auto size = std::size_t{4} * next.words;
    switch (next.kind) {
      case action::come:
        if (talkers_.size() < most_clients) come();
        break;
      case action::leave:
        if (client != nullptr)
          talkers_.erase(talkers_.begin() +
                         static_cast<std::ptrdiff_t>(next.pick % talkers_.size()));
        break;
      case action::client_sends:
        if (client != nullptr) client->send(size);
        break;
      case action::client_reads:
        if (client != nullptr) client->read(size);
        break;
      case action::dc_sends:
        if (const auto id = client != nullptr ? streams_.find(client->port()) : streams_.end();
            id != streams_.end()) {
          bytes encoded;
          rpc::encode_proxy_ans(id->second, bytes(size, 0x22), encoded);
          dc_->write(encoded);
        }
        break;
      case action::dc_reads:
        read_dc();
        break;
      case action::dc_closes_client:
        if (const auto id = client != nullptr ? streams_.find(client->port()) : streams_.end();
            id != streams_.end()) {
          bytes encoded;
          rpc::encode_close_ext(id->second, encoded);
          dc_->write(encoded);
        }
        break;
      case action::rotate:
        connect();
        break;
      case action::pass_time:
        node_.advance(110ms);
        break;
    }
    for (auto& one_of_all : talkers_)
      one_of_all.push();
    node_.settle();
  }

  /// Everybody reads until nothing moves any more; then checks that nothing is on its way.
  void check_at_rest() {
    for (int quiet = 0; quiet < 8;) {
      std::size_t moved = read_dc();
      for (auto& talker : talkers_)
        moved += talker.push() + talker.read(1 << 20);
      std::erase_if(talkers_, [](const auto& talker) { return talker.closed(); });
      node_.advance(20ms);
      quiet = moved > 0 ? 0 : quiet + 1;
    }
    const auto now = status();
    RC_ASSERT(now.stage == "ready");
    RC_ASSERT(now.clients == talkers_.size());
    RC_ASSERT(now.clients == load_->clients);
    RC_ASSERT(now.unacked_bytes == 0U);
    RC_ASSERT(now.unacked_packets == 0U);
    RC_ASSERT(now.behind_bytes == 0U);
    RC_ASSERT(now.behind_packets == 0U);
    RC_ASSERT(now.queued == 0U);
    RC_ASSERT(now.promised_acks == 0U);
    // What was sent and is not acked is what is not worth an ack yet.
    std::size_t outstanding = 0;
    node_.client.clients[0].for_each([&](const client_conn& client) {
      const auto seen = client.status(node_.core.reactors[0]->now());
      RC_ASSERT(seen.queued == 0U);
      outstanding += seen.outstanding;
    });
    RC_ASSERT(outstanding == now.unpromised);
    RC_ASSERT(node_.core.memory.held() == 0U);
  }

 private:
  /// Both ends of a node link in this process, and what stands for the pool behind it.
  void start_link() {
    auto& core = node_.core;
    node_.configure([](auto& all) { all.process.through_link_agents = true; });
    const auto add = [&](const std::string& name, caf::actor actor) {
      core.names.put(name, actor);
      link_actors_.push_back(std::move(actor));
    };
    add(names::dc_pool(tested_dc), node_.system().spawn([this](caf::event_based_actor* self) {
      return caf::behavior{[this, self](open_stream& request) -> caf::result<void> {
        if (conn_ == nullptr) return caf::sec::runtime_error;
        request.counted = counted_client{load_};
        self->delegate(conn_, std::move(request));
        return caf::delegated<void>{};
      }};
    }));
    add("back_agent_sup",
        spawn_supervisor(
            node_.system(),
            {.name = "back_agent_sup",
             .strategy = supervision_strategy::simple_one_for_one,
             .children = {{.id = {}, .restart = restart_policy::temporary, .start = {}}}},
            core.names));
    add(std::string{names::link_gateway},
        node_.system().spawn([this](caf::stateful_actor<link_gateway_state>* self) {
          return link_gateway(self, node_.link);
        }));
    add(names::front_agent(0),
        net::spawn_pinned<front_agent>(*core.reactors[0], std::ref(node_.link)));
    add(names::back_session(0),
        net::spawn_pinned<local_back_session>(*core.reactors[0], std::ref(node_.link), 0U));
    node_.advance(200ms);
  }

  dc_conn_status status() {
    dc_conn_status status;
    node_.system().spawn([&](caf::event_based_actor* self) {
      self->request(conn_, caf::infinite, get_dc_conn_status{})
          .then([&](const dc_conn_status& now) { status = now; });
    });
    node_.settle();
    return status;
  }

  /// A connection to the DC, in the place of the one there may be.
  void connect() {
    const auto before = std::exchange(conn_, nullptr);
    uplink_.to = nullptr;
    if (dc_) dc_->close();
    streams_.clear();
    dc_.emplace();
    load_ = std::make_shared<dc_conn_load>();
    auto next = net::spawn_pinned<dc_conn>(
        *node_.core.reactors[0], std::ref(node_.uplink),
        dc_conn_options{
            .dc = tested_dc, .to = dc_->at(), .pool = pool_.handle(), .number = 1, .load = load_});
    node_.settle();
    dc_->accept();
    dc_->answer_nonce(secret_);
    node_.settle();
    dc_->answer_handshake();
    node_.settle();
    conn_ = uplink_.to = next;
    uplink_.load = load_;
    // client_conns that got no connection ask again.
    node_.advance(150ms);
  }

  void come() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    // The kernel takes little, so that much waits here.
    const int little = 4096;
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    const auto peer = endpoint{.ip = ip_address::v4({198, 51, 100, 7}), .port = ++last_port_};
    net::spawn_pinned<client_conn>(
        *node_.core.reactors[0], std::ref(node_.client), port_,
        accepted_client{
            .fd = net::unique_fd{fds[0]}, .peer = peer, .taken = ticket{port_->connections}});
    talkers_.emplace_back(net::unique_fd{fds[1]}, peer.port, port_->version.get()->settings.secret);
    talkers_.back().send(16);
  }

  /// Telegram reads once; it learns its clients' streams. Returns how many messages came.
  std::size_t read_dc() {
    const auto bodies = dc_->read();
    for (const auto& body : bodies) {
      const auto message = rpc::decode_to_dc(body);
      REQUIRE(message);
      if (const auto* const request = std::get_if<rpc::proxy_req>(&*message))
        streams_[request->client.port] = request->id;
    }
    return bodies.size();
  }

  test::manual_node node_;
  bytes secret_ = bytes(128, 0x5e);
  std::shared_ptr<open_port> port_;
  test::inbox<dc_conn_ready, dc_conn_lost, dc_conn_connected> pool_{node_.system()};
  std::optional<test::middle_proxy> dc_;
  std::shared_ptr<dc_conn_load> load_;
  caf::actor conn_;
  test::fixed_uplink uplink_;
  std::vector<caf::actor> link_actors_;
  std::vector<talker> talkers_;
  std::map<std::uint16_t, rpc::conn_id> streams_;
  std::uint16_t last_port_ = 0;
};

void check_credit(std::optional<std::size_t> total_mem, bool through_link) {
  test::check_property([total_mem, through_link] {
    const auto steps = *rc::gen::container<std::vector<step>>(any_step());
    world here{total_mem, through_link};
    for (const auto& step : steps)
      here.take(step);
    here.check_at_rest();
  });
}

TEST_CASE("flow control: at rest, all credit is home, whatever happened") {
  check_credit(std::nullopt, false);
  check_credit(150'000, false);
}

TEST_CASE("flow control: the same across a node link") {
  check_credit(std::nullopt, true);
  check_credit(150'000, true);
}

}  // namespace
}  // namespace mtp::actors
