// What happens to clients when Telegram closes their DC connections: the original's migration cases
// by their names, and rotation under load.
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const client_protocol& secure_client() {
  return all_protocols()[2];
}

std::string migrations(const std::string& result) {
  return R"(downstream_migration_total{listener="test",dc_id="2",result=")" + result + "\"}";
}

// -- the original's -----------------------------------------------------------------------------

TEST_CASE("downstream_migration_case") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "init_dc_connections = 2", .telegram = &telegram}};
  auto client = proxy.client(secure_client());
  check_echo(client);
  // Only the one that carries it.
  telegram.close_link_of(2, telegram.requests().back().id);
  CHECK(proxy.wait_for_metric_of_at_least(migrations("ok"), 1));
  check_echo(client);
  CHECK(proxy.metric("dc_num_upstreams{dc=\"2\"}") == 1);
}

TEST_CASE("downstream_migration_multi_case") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "init_dc_connections = 2", .telegram = &telegram}};
  REQUIRE(eventually([&] { return telegram.links(2) == 2; }, patience));
  std::vector<net::proxy_client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(proxy.client(secure_client()));
    check_echo(clients.back());
  }
  auto links = telegram.clients_by_link(2);
  const auto& fullest =
      *std::ranges::max_element(links, {}, [](const auto& on) { return on.size(); });
  REQUIRE_FALSE(fullest.empty());
  telegram.close_link_of(2, *fullest.begin());
  CHECK(proxy.wait_for_metric(migrations("ok"), static_cast<double>(fullest.size())));
  for (auto& client : clients)
    check_echo(client);
  CHECK(proxy.metric(migrations("ok")) == static_cast<double>(fullest.size()));
  CHECK(proxy.metric("dc_num_upstreams{dc=\"2\"}") == 3);
}

TEST_CASE("downstream_migration_empty_pool_case") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "init_dc_connections = 0", .telegram = &telegram}};
  CHECK(telegram.links_accepted(2) == 0);
  auto client = proxy.client(secure_client());
  check_echo(client);
  CHECK(telegram.links_accepted(2) == 1);
  telegram.close_links(2);
  // Nobody opens another one for it.
  check_closed(client);
  CHECK(proxy.wait_for_metric(migrations("no_link"), 1));
  CHECK(telegram.links_accepted(2) == 1);
  auto another = proxy.client(secure_client());
  check_echo(another);
  CHECK(telegram.links_accepted(2) == 2);
}

TEST_CASE("an idle client of any protocol survives every rotation") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  std::vector<net::proxy_client> clients;
  for (const auto& protocol : all_protocols()) {
    clients.push_back(proxy.client(protocol));
    check_echo(clients.back());
  }
  for (int round = 1; round <= 3; ++round) {
    REQUIRE(eventually([&] { return telegram.links(2) == 2; }, patience));
    // A client may land on the other one of the two just before that is closed, and move twice.
    const auto before = proxy.metric(migrations("ok"));
    telegram.close_links(2);
    CHECK(proxy.wait_for_metric_of_at_least(migrations("ok"), before + 4));
    for (auto& client : clients)
      check_echo(client);
    CHECK(proxy.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 4));
  }
}

TEST_CASE("a client with a request in flight is closed when its DC connection ends") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(secure_client());
  check_echo(client);
  REQUIRE(client.send(encode({.what = fake_command::code::swallow}), false, soon()));
  REQUIRE(eventually([&] { return telegram.requests().size() == 2; }, patience));
  telegram.close_links(2);
  check_closed(client);
  CHECK(proxy.wait_for_metric(
      "downstream_migration_total{listener=\"test\",dc_id=\"2\",result=\"mid_send\"}", 1));
  CHECK(proxy.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
}

// -- rotation under load ------------------------------------------------------------------------

/// What the clients of the load saw.
struct tally {
  std::atomic<std::size_t> echoes = 0;
  std::atomic<std::size_t> wrong = 0;
  std::atomic<std::size_t> in_flight_closed = 0;
  std::atomic<std::size_t> idle_closed = 0;
  std::atomic<std::size_t> silent = 0;
  std::atomic<std::size_t> refused = 0;
};

/// A packet that no other client sends, and this one only once.
bytes tagged_packet(std::uint32_t client, std::uint32_t number, std::size_t size) {
  bytes out;
  append_le(out, client | 0x4000'0000U);
  append_le(out, number);
  std::minstd_rand next{client * 100'003U + number + 1};
  while (out.size() < size)
    append_le(out, static_cast<std::uint32_t>(next()));
  return out;
}

class load_client {
 public:
  load_client(const proxy_under_test& proxy, std::uint32_t id, tally& seen)
      : proxy_{&proxy}, seen_{&seen}, id_{id} {}

  /// One echo, on a new connection if there is none.
  void echo() {
    if (!client_ && !connect()) {
      ++seen_->refused;
      return;
    }
    if (is_closed()) {
      ++seen_->idle_closed;
      client_.reset();
      return;
    }
    ++number_;
    const auto packet = tagged_packet(id_, number_, 64 + 4 * (number_ % 500));
    if (!client_->send(packet, false, soon())) return lose();
    const auto got = client_->receive(soon());
    if (!got) return lose(got.error());
    ++(got->packet == packet ? seen_->echoes : seen_->wrong);
  }
  /// The proxy has closed it; bytes nobody asked for are wrong ones.
  [[nodiscard]] bool is_closed() {
    std::uint8_t byte = 0;
    const auto size = ::recv(client_->socket().fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size > 0) ++seen_->wrong;
    return size == 0 || (size < 0 && errno != EAGAIN);
  }
  [[nodiscard]] bool is_connected() const { return client_.has_value(); }

 private:
  bool connect() {
    const auto& how = all_protocols()[id_ % all_protocols().size()];
    auto socket = net::blocking_socket::connect("127.0.0.1", proxy_->port(), soon());
    if (!socket) return false;
    client_.emplace(
        std::move(*socket),
        net::proxy_client_options{
            .secret = proxy_->secret(),
            .kind = how.kind,
            .dc = 2,
            .tls_domain = how.tls ? std::optional<std::string>{"example.com"} : std::nullopt});
    if (client_->handshake(soon())) return true;
    client_.reset();
    return false;
  }
  void lose(const std::string& why = "closed") {
    const bool closed = why == "closed" || why == "Connection reset by peer";
    ++(closed ? seen_->in_flight_closed : seen_->silent);
    client_.reset();
  }

  const proxy_under_test* proxy_;
  tally* seen_;
  std::uint32_t id_;
  std::uint32_t number_ = 0;
  std::optional<net::proxy_client> client_;
};

TEST_CASE("rotation under load: no idle client is dropped, nobody gets another one's bytes") {
  constexpr std::uint32_t busy_clients = 100;
  constexpr std::uint32_t idle_clients = 100;
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  REQUIRE(eventually([&] { return telegram.links(2) == 2; }, patience));

  tally idle_seen;
  std::vector<load_client> idle;
  for (std::uint32_t id = 0; id < idle_clients; ++id) {
    idle.emplace_back(proxy, id, idle_seen);
    idle.back().echo();
  }
  REQUIRE(idle_seen.echoes == idle_clients);

  tally seen;
  std::atomic<bool> stop = false;
  std::vector<std::thread> busy;
  for (std::uint32_t id = idle_clients; id < idle_clients + busy_clients; ++id)
    busy.emplace_back([&, id] {
      load_client client{proxy, id, seen};
      std::minstd_rand pause{id + 1};
      while (!stop) {
        client.echo();
        std::this_thread::sleep_for(std::chrono::milliseconds{10 + pause() % 60});
      }
    });
  std::size_t rotated = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 1; i <= 33; ++i) {
    std::this_thread::sleep_until(begun + i * 300ms);
    rotated += telegram.close_links(2, 1);
  }
  stop = true;
  for (auto& thread : busy)
    thread.join();

  for (auto& client : idle) {
    CHECK_FALSE(client.is_closed());
    client.echo();
  }
  CHECK(idle_seen.echoes == 2 * idle_clients);
  CHECK(idle_seen.wrong == 0);
  CHECK(rotated >= 25);
  CHECK(seen.echoes > 1000);
  CHECK(seen.wrong == 0);
  CHECK(seen.idle_closed == 0);
  CHECK(seen.silent == 0);
  CHECK(seen.refused == 0);
  // Closed clients are those that had something in flight, and are counted.
  CHECK(proxy.metric(migrations("mid_send")) == static_cast<double>(seen.in_flight_closed));
  CHECK(proxy.metric(migrations("no_link")) == 0);
  CHECK(telegram.complaints().empty());
  MESSAGE(rotated << " connections closed under " << busy_clients + idle_clients << " clients, "
                  << seen.echoes.load() << " echoes: " << proxy.metric(migrations("ok"))
                  << " migrations, " << seen.in_flight_closed.load()
                  << " closed with a request in flight");
  idle.clear();
  CHECK(proxy.wait_for_metric("connections_count{listener=\"test\"}", 0));
  CHECK(proxy.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
  CHECK(proxy.metric("dc_num_waiting{dc=\"2\"}") == 0);
}

}  // namespace
}  // namespace mtp::test
