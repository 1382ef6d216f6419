#include "bench/bulk_site.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <stdexcept>
#include <vector>

#include "bench/loopback_port.hpp"
#include "net/loop/blocking_socket.hpp"

namespace mtp::bench {

namespace {

using namespace std::chrono_literals;
using net::blocking_socket;

constexpr std::size_t call_size = std::size_t{256} * 1024;
/// Without a byte for this long, a connection has failed.
constexpr auto patience = 20s;
/// How often the thread that accepts looks whether it is to stop.
constexpr int look_ms = 50;
/// No client begins like this, so the site gets it at once.
constexpr std::string_view wants_down = "GET ";
constexpr std::string_view wants_up = "POST";
constexpr std::size_t word_size = 4;
/// The word, and how many bytes: 8 of them, big-endian.
constexpr std::size_t request_size = word_size + 8;

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error{"bulk: " + why};
}

void send_all(blocking_socket& to, byte_view data) {
  if (const auto sent = to.send(data, blocking_socket::clock::now() + patience); !sent)
    fail(sent.error());
}

void send_bytes(blocking_socket& to, std::size_t size) {
  const bytes data(call_size);
  for (std::size_t left = size; left > 0;) {
    const auto part = std::min(left, data.size());
    send_all(to, byte_view{data}.first(part));
    left -= part;
  }
}

void receive_bytes(blocking_socket& from, byte_span into, std::size_t size) {
  for (std::size_t left = size; left > 0;) {
    const auto got = from.receive(into.first(std::min(left, into.size())),
                                  blocking_socket::clock::now() + patience);
    if (!got) fail(got.error());
    if (*got == 0) fail("closed too early");
    left -= *got;
  }
}

void answer(blocking_socket& visitor) {
  bytes buffer(call_size);
  receive_bytes(visitor, byte_span{buffer}.first(request_size), request_size);
  std::size_t size = 0;
  for (std::size_t i = word_size; i < request_size; ++i)
    size = size << 8 | buffer[i];
  if (std::ranges::equal(byte_view{buffer}.first(word_size), as_bytes(wants_down)))
    return send_bytes(visitor, size);
  receive_bytes(visitor, buffer, size);
  send_all(visitor, byte_view{buffer}.first(1));
}

void serve(blocking_socket visitor) {
  try {
    answer(visitor);
  } catch (const std::exception&) {
    // The visitor is told by the end of its connection.
  }
}

void visit(bulk_way way, std::uint16_t port, std::size_t size) {
  auto site = blocking_socket::connect("127.0.0.1", port, blocking_socket::clock::now() + patience);
  if (!site) fail(site.error());
  bytes request;
  append(request, as_bytes(way == bulk_way::down ? wants_down : wants_up));
  append_be16(request, 0);
  for (int shift = 32; shift >= 0; shift -= 16)
    append_be16(request, size >> shift & 0xffff);
  send_all(*site, request);
  bytes buffer(call_size);
  if (way == bulk_way::down) return receive_bytes(*site, buffer, size);
  send_bytes(*site, size);
  receive_bytes(*site, buffer, 1);
}

}  // namespace

bulk_site::bulk_site()
    : listening_{bind_loopback()}, thread_{[this](const std::stop_token& stop) {
        accept_all(stop);
      }} {}

void bulk_site::accept_all(const std::stop_token& stop) const {
  std::vector<std::jthread> visits;
  while (!stop.stop_requested()) {
    pollfd watched{.fd = listening_.socket(0), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, look_ms) != 1) continue;
    net::unique_fd visitor{
        ::accept4(listening_.socket(0), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (visitor) visits.emplace_back(serve, blocking_socket{std::move(visitor)});
  }
}

void carry_bulk(bulk_way way, std::uint16_t port, unsigned connections, std::size_t size) {
  std::vector<std::future<void>> visits;
  for (unsigned i = 0; i < connections; ++i)
    visits.push_back(std::async(std::launch::async, visit, way, port, size));
  for (auto& visit : visits)
    visit.get();
}

}  // namespace mtp::bench
