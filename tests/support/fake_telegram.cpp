#include "tests/support/fake_telegram.hpp"

#include <condition_variable>

#include "net/loop/entropy.hpp"
#include "tests/support/fake_telegram_loop.hpp"

namespace mtp::test {

fake_telegram::fake_telegram(fake_telegram_options options) : options_{std::move(options)} {
  if (options_.secret.empty()) {
    const auto random = net::random_array<128>();
    options_.secret.assign(random.begin(), random.end());
  }
  loop_ = std::make_unique<loop>(options_);
  thread_ = std::thread{[this] { loop_->run(); }};
}

fake_telegram::~fake_telegram() {
  loop_->stop();
  thread_.join();
}

void fake_telegram::run_in_loop(const std::function<void()>& action) const {
  std::mutex mutex;
  std::condition_variable done;
  bool ran = false;
  loop_->post([&] {
    action();
    const std::lock_guard lock{mutex};
    ran = true;
    done.notify_one();
  });
  std::unique_lock lock{mutex};
  done.wait(lock, [&] { return ran; });
}

std::string fake_telegram::url(std::string_view path) const {
  return "http://" + to_string(loop_->config_at) + std::string{path};
}

endpoint fake_telegram::middle_proxy(dc_id dc) const {
  return loop_->proxies.at(dc).at;
}

void fake_telegram::set_dc_dead(dc_id dc, bool dead) {
  run_in_loop([&] { loop_->set_dead(loop_->proxies.at(dc), dead); });
}

std::size_t fake_telegram::close_conns(dc_id dc, std::size_t count) {
  std::size_t closed = 0;
  run_in_loop([&] {
    std::erase_if(loop_->connections, [&](const auto& item) {
      const auto& conn = *item.second;
      const bool ends = conn.of != nullptr && conn.of->dc == dc &&
                        conn.at == loop::connection::stage::ready && closed < count;
      closed += ends ? 1 : 0;
      return ends;
    });
  });
  return closed;
}

void fake_telegram::close_conn_of(dc_id dc, rpc::conn_id client) {
  run_in_loop([&] {
    std::erase_if(loop_->connections, [&](const auto& item) {
      const auto& conn = *item.second;
      return conn.of != nullptr && conn.of->dc == dc && conn.clients.contains(client);
    });
  });
}

void fake_telegram::set_dc_silent(dc_id dc, bool silent) {
  run_in_loop([&] {
    auto& proxy = loop_->proxies.at(dc);
    proxy.silent = silent;
    for (const auto& [fd, conn] : loop_->connections) {
      if (conn->of != &proxy) continue;
      conn->stopped_reading = silent;
      loop_->set_interest(*conn);
    }
  });
}

void fake_telegram::ping_conns(dc_id dc, std::int64_t id) {
  run_in_loop([&] {
    for (const auto& [fd, conn] : loop_->connections) {
      if (conn->of == nullptr || conn->of->dc != dc || conn->at != loop::connection::stage::ready)
        continue;
      bytes encoded;
      rpc::encode_ping(id, encoded);
      conn->writer.write(encoded);
      loop_->flush(*conn);
    }
  });
}

void fake_telegram::set_config_answer(config_answer how) {
  run_in_loop([&] { loop_->config = how; });
}

void fake_telegram::set_secret(bytes secret) {
  run_in_loop([&] { options_.secret = std::move(secret); });
}

void fake_telegram::set_served_secret(bytes secret) {
  run_in_loop([&] { loop_->served_secret = std::move(secret); });
}

void fake_telegram::move_dc(dc_id dc) {
  run_in_loop([&] {
    auto& proxy = loop_->proxies.at(dc);
    loop_->set_dead(proxy, true);
    proxy.at.port = 0;
    loop_->set_dead(proxy, false);
  });
}

void fake_telegram::set_dc_listed(dc_id dc, bool listed) {
  run_in_loop([&] { loop_->proxies.at(dc).listed = listed; });
}

std::size_t fake_telegram::conns(dc_id dc) const {
  std::size_t count = 0;
  run_in_loop([&] {
    for (const auto& [fd, conn] : loop_->connections)
      if (conn->of != nullptr && conn->of->dc == dc && conn->at == loop::connection::stage::ready)
        ++count;
  });
  return count;
}

std::size_t fake_telegram::conns_accepted(dc_id dc) const {
  std::size_t count = 0;
  run_in_loop([&] { count = loop_->proxies.at(dc).accepted; });
  return count;
}

std::size_t fake_telegram::clients(dc_id dc) const {
  std::size_t count = 0;
  run_in_loop([&] {
    for (const auto& [fd, conn] : loop_->connections)
      if (conn->of != nullptr && conn->of->dc == dc) count += conn->clients.size();
  });
  return count;
}

std::vector<std::set<rpc::conn_id>> fake_telegram::clients_by_conn(dc_id dc) const {
  std::vector<std::set<rpc::conn_id>> clients;
  run_in_loop([&] {
    for (const auto& [fd, conn] : loop_->connections)
      if (conn->of != nullptr && conn->of->dc == dc && conn->at == loop::connection::stage::ready)
        clients.emplace_back(conn->clients.begin(), conn->clients.end());
  });
  return clients;
}

std::size_t fake_telegram::closed_clients(dc_id dc) const {
  std::size_t count = 0;
  run_in_loop([&] { count = loop_->proxies.at(dc).closed_clients; });
  return count;
}

std::size_t fake_telegram::pings_received() const {
  std::size_t count = 0;
  run_in_loop([&] { count = loop_->pings; });
  return count;
}

std::vector<std::int64_t> fake_telegram::pongs_received() const {
  std::vector<std::int64_t> pongs;
  run_in_loop([&] { pongs = loop_->pongs; });
  return pongs;
}

std::vector<seen_request> fake_telegram::requests() const {
  std::vector<seen_request> requests;
  run_in_loop([&] { requests.assign(loop_->requests.begin(), loop_->requests.end()); });
  return requests;
}

std::size_t fake_telegram::crc32c_conns() const {
  std::size_t count = 0;
  run_in_loop([&] { count = loop_->crc32c_conns; });
  return count;
}

std::vector<std::string> fake_telegram::complaints() const {
  std::vector<std::string> complaints;
  run_in_loop([&] { complaints = loop_->complaints; });
  return complaints;
}

std::size_t fake_telegram::config_requests() const {
  std::size_t count = 0;
  run_in_loop([&] { count = loop_->config_requests; });
  return count;
}

}  // namespace mtp::test
