#include "tests/e2e/load_client.hpp"

#include <sys/socket.h>

#include <random>

#include "tests/support/tagged_packet.hpp"

namespace mtp::test {

bytes tagged_packet(std::uint32_t client, std::uint32_t number, std::size_t size) {
  const auto whole = (std::uint64_t{client} << 32U) | number;
  bytes packet;
  append(packet, packet_tag(whole));
  append(packet, packet_body(whole, size - packet_tag_size));
  return packet;
}

bool load_client::is_closed() {
  std::uint8_t byte = 0;
  const auto size = ::recv(client_->socket().fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size > 0 && expected_.empty()) ++seen_->wrong;
  return size == 0 || (size < 0 && errno != EAGAIN);
}

bool load_client::make_ready() {
  if (!client_ && !connect()) {
    ++seen_->refused;
    return false;
  }
  if (!is_closed()) return true;
  ++seen_->idle_closed;
  client_.reset();
  return false;
}

void load_client::echo(std::chrono::milliseconds limit) {
  send();
  receive(limit);
}

void load_client::send() {
  if (!make_ready()) return;
  ++number_;
  expected_ = tagged_packet(id_, number_, 64 + 4 * (number_ % 500));
  if (!client_->send(expected_, false, soon())) lose();
}

void load_client::receive(std::chrono::milliseconds limit) {
  if (!client_ || expected_.empty()) return;
  const auto got = client_->receive(net::proxy_client::clock::now() + limit);
  if (!got) return lose(got.error());
  ++(got->packet == expected_ ? seen_->echoes : seen_->wrong);
  expected_.clear();
}

void load_client::ask_for_nothing() {
  if (!make_ready()) return;
  expected_ = encode({.action = fake_command::code::swallow});
  if (!client_->send(expected_, false, soon())) lose();
}

bool load_client::connect() {
  const auto& how = all_protocols()[id_ % all_protocols().size()];
  const network_visit there{to_.network};
  auto socket = net::blocking_socket::connect(to_.ip, to_.port, soon());
  if (!socket) return false;
  client_.emplace(
      std::move(*socket),
      net::proxy_client_options{
          .secret = to_.secret,
          .kind = how.kind,
          .dc = 2,
          .tls_domain = how.tls ? std::optional<std::string>{"example.com"} : std::nullopt});
  if (client_->handshake(soon())) return true;
  client_.reset();
  return false;
}

void load_client::lose(const std::string& why) {
  const bool closed = why == "closed" || why == "Connection reset by peer";
  ++(closed ? seen_->in_flight_closed : seen_->silent);
  client_.reset();
  expected_.clear();
}

busy_clients::busy_clients(const load_client::target& to, std::uint32_t first_id, std::size_t count,
                           tally& seen, std::chrono::milliseconds limit) {
  for (std::size_t i = 0; i < count; ++i)
    threads_.emplace_back([this, to, &seen, limit, id = first_id + static_cast<std::uint32_t>(i)] {
      load_client client{to, id, seen};
      std::minstd_rand pause{id + 1};
      while (!stop_) {
        client.echo(limit);
        std::this_thread::sleep_for(std::chrono::milliseconds{10 + pause() % 60});
      }
    });
}

void busy_clients::stop() {
  stop_ = true;
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::vector<load_client> idle_clients(const load_client::target& to, std::uint32_t first_id,
                                      std::size_t count, tally& seen) {
  std::vector<load_client> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back(to, first_id + static_cast<std::uint32_t>(i), seen);
    clients.back().echo();
  }
  return clients;
}

}  // namespace mtp::test
