// Connections that come and go, of every kind: descriptors and memory come back.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "codecs/client/tls_client_hello.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "tests/e2e/harness.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

#ifdef NDEBUG
constexpr std::size_t all_connections = 100'000;
/// Memory that a run of this length may add to that of its first tenth.
constexpr double memory_growth = 8e6;
#else
// Slower, and under AddressSanitizer memory means nothing.
constexpr std::size_t all_connections = 5'000;
#endif
constexpr std::size_t threads = 4;

/// A socket to the proxy, from an address of 127/8 that depends on `number`: a single one has too
/// few ports for all that the kernel remembers.
net::blocking_socket connect_from(std::size_t number, std::uint16_t port) {
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const auto byte = [&](unsigned shift) { return static_cast<std::uint8_t>(number >> shift); };
  const auto from = net::to_socket_address(
      {.ip = ip_address::v4({127, 1, byte(8), static_cast<std::uint8_t>(byte(0) | 1)}), .port = 0});
  const auto to = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = port});
  if (::bind(fd.get(), from.get(), from.size) != 0 || ::connect(fd.get(), to.get(), to.size) != 0)
    throw std::runtime_error{"no connection to the proxy"};
  const timeval patience_of_kernel{.tv_sec = 10, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience_of_kernel, sizeof patience_of_kernel);
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return net::blocking_socket{std::move(fd)};
}

class churn {
 public:
  explicit churn(const proxy_under_test& proxy) : proxy_{&proxy} {}

  /// Makes `count` connections, `threads` at a time.
  void run(std::size_t count) {
    const auto end = next_ + count;
    std::vector<std::thread> workers;
    for (std::size_t i = 0; i < threads; ++i)
      workers.emplace_back([this, end] {
        for (auto number = next_++; number < end; number = next_++)
          try {
            run_client(number);
          } catch (const std::exception&) {
            ++failed_;
          }
      });
    for (auto& worker : workers)
      worker.join();
    next_ = end;
  }
  [[nodiscard]] std::size_t failed() const noexcept { return failed_; }

 private:
  void run_client(std::size_t number) {
    auto socket = connect_from(number, proxy_->port());
    switch (number % 8) {
      case 0:
        return echo(std::move(socket), false, false);
      case 1:
        return echo(std::move(socket), true, false);
      case 2:
        return echo(std::move(socket), number % 16 == 2, true);
      case 3:  // garbage
        static_cast<void>(socket.send(random_packet(512), soon()));
        return until_closed(socket);
      case 4: {  // half a hello
        const auto hello = signed_hello(proxy_->secret());
        static_cast<void>(socket.send(byte_view{hello}.first(hello.size() / 2), soon()));
        return;
      }
      case 5:  // half a header, and a reset
        static_cast<void>(socket.send(random_packet(30), soon()));
        net::set_reset_on_close(socket.fd(), true);
        return;
      case 6:
        return;
      default: {  // another secret
        static_cast<void>(socket.send(signed_hello(net::random_array<16>()), soon()));
        return until_closed(socket);
      }
    }
  }

  static bytes signed_hello(const secret16& secret) {
    return make_client_hello(secret, "example.com", static_cast<std::uint32_t>(std::time(nullptr)),
                             net::random_array<client_hello_random_size>());
  }

  static void until_closed(net::blocking_socket& socket) {
    bytes into(4096);
    while (socket.receive(into, soon()).value_or(0) > 0) {
    }
  }

  void echo(net::blocking_socket socket, bool tls, bool reset) {
    net::proxy_client client{
        std::move(socket),
        {.secret = proxy_->secret(),
         .kind = framing::padded,
         .dc = 2,
         .tls_domain = tls ? std::optional<std::string>{"example.com"} : std::nullopt}};
    const auto packet = random_packet(256);
    bool right = client.handshake(soon()) && client.send(packet, false, soon());
    if (right) {
      const auto got = client.receive(soon());
      right = got && got->packet == packet;
    }
    if (!right) ++failed_;
    net::set_reset_on_close(client.socket().fd(), reset);
  }

  const proxy_under_test* proxy_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> failed_ = 0;
};

std::size_t open_descriptors(pid_t pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"})
    ++count;
  return count;
}

/// Bytes.
double resident(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/statm"};
  double total = 0;
  double pages = 0;
  in >> total >> pages;
  return pages * 4096;
}

TEST_CASE("after churn, descriptors and memory are as they were") {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  fake_telegram telegram{{.dcs = {2}}};
  // The table of handshakes has bounds of its own, and is far from them here.
  proxy_under_test proxy{{.config = "replay_check_session_storage = \"off\"\n"
                                    "init_dc_connections = 4",
                          .telegram = &telegram}};
  REQUIRE(eventually([&] { return telegram.conns(2) == 4; }, patience));
  const auto pid = proxy.program().pid();
  const auto settled = [&] {
    return eventually(
        [&] {
          return proxy.metric("connections_count{listener=\"test\"}") == 0 &&
                 telegram.clients(2) == 0;
        },
        patience);
  };
  churn load{proxy};
  load.run(all_connections / 10);
  REQUIRE(settled());
  const auto descriptors = open_descriptors(pid);
  const auto memory = resident(pid);
  load.run(all_connections - all_connections / 10);
  REQUIRE(settled());
  CHECK(load.failed() == 0);
  // One of them may be the metrics' own.
  CHECK(eventually([&] { return open_descriptors(pid) <= descriptors; }, patience));
  MESSAGE("descriptors: ", descriptors, ", then ", open_descriptors(pid),
          "; memory: ", memory / 1e6, " MB, then ", resident(pid) / 1e6, " MB");
  CHECK(proxy.metric("memory_bytes{kind=\"held\"}") == 0);
#ifdef NDEBUG
  CHECK(resident(pid) < memory + memory_growth);
#endif
}

}  // namespace
}  // namespace mtp::test
