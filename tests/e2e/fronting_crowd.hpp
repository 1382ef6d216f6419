// Many visitors at once, and what the site has of each.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <charconv>
#include <filesystem>

#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "tests/e2e/fronting_fixture.hpp"
#include "tests/e2e/load_client.hpp"

namespace mtp::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Slow, and resident memory means nothing to them.
inline constexpr bool is_instrumented = true;
inline constexpr std::size_t crowd = 200;
#else
inline constexpr bool is_instrumented = false;
// With their sites, 8000 descriptors of the proxy and of this process.
inline constexpr std::size_t crowd = 4000;
#endif
/// Of the proxy.
inline constexpr std::size_t most_files = 20'000;

/// A proxy that forwards whatever is not TLS at once.
struct loaded_front {
  fake_telegram telegram{{.dcs = {2}}};
  cover_site site;
  proxy_under_test proxy;

  /// `files`: how many it may open.
  explicit loaded_front(const std::string& more, std::size_t files = most_files)
      : proxy{{.config = "domain_fronting = \"" + site.where() +
                         "\"\nmeasure_sites = false\n"
                         "allowed_protocols = [\"mtp_fake_tls\"]\n" +
                         more,
               .max_open_files = open_files{.soft = files, .hard = files},
               .telegram = &telegram}} {}

  [[nodiscard]] pid_t pid() const { return proxy.program().pid(); }
  [[nodiscard]] std::size_t descriptors() const {
    const std::filesystem::directory_iterator all{"/proc/" + std::to_string(pid()) + "/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  [[nodiscard]] bool wait_for_fronted(std::size_t count) const {
    return proxy.wait_for_metric("fronted_connections", static_cast<double>(count));
  }
  void check_client() const {
    auto client = proxy.client(tls_protocol());
    check_echo(client);
  }
};

/// A visitor, and what the site has of it.
struct visit {
  net::blocking_socket visitor;
  std::optional<net::blocking_socket> at_site{};
};

/// A connection from this address of 127/8.
inline net::blocking_socket connect_from(const ip_address& ip, std::uint16_t port) {
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(fd);
  const auto to = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = port});
  REQUIRE(net::bind_source(fd.get(), ip) == 0);
  REQUIRE(::connect(fd.get(), to.get(), to.size) == 0);
  REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  return net::blocking_socket{std::move(fd)};
}

/// A quarter of all visitors comes from one address, the rest from others, ten from each.
inline ip_address address_of(std::size_t number) {
  if (number % 4 == 0) return ip_address::v4({127, 1, 0, 1});
  const auto network = number / 10;
  return ip_address::v4({127, 2, static_cast<std::uint8_t>(network >> 8U),
                         static_cast<std::uint8_t>(network & 0xffU)});
}

/// Tells visitors apart; not the beginning of a hello.
inline std::string greeting(std::size_t number) {
  auto digits = std::to_string(number);
  return "GET /" + std::string(8 - digits.size(), '0') + digits + "\r\n";
}

/// Takes the next connections; each says whose it is.
inline void accept_visits(const cover_site& site, std::vector<visit>& visits, std::size_t count) {
  const auto size = greeting(0).size();
  for (std::size_t i = 0; i < count; ++i) {
    auto at_site = site.accept(soon());
    const auto said = receive(at_site, size);
    const std::string text(said.begin(), said.end());
    std::size_t number = visits.size();
    std::from_chars(text.data() + 5, text.data() + 13, number);
    REQUIRE(number < visits.size());
    REQUIRE(text == greeting(number));
    REQUIRE_FALSE(visits[number].at_site);
    visits[number].at_site = std::move(at_site);
  }
}

/// Few at a time: the site's queue is short.
inline std::vector<visit> make_visits(const loaded_front& front, std::size_t count) {
  constexpr std::size_t at_once = 100;
  std::vector<visit> visits;
  while (visits.size() < count) {
    const auto before = visits.size();
    while (visits.size() < std::min(before + at_once, count)) {
      visits.push_back({connect_from(address_of(visits.size()), front.proxy.port())});
      REQUIRE(visits.back().visitor.send(as_bytes(greeting(visits.size() - 1)), soon()));
    }
    accept_visits(front.site, visits, visits.size() - before);
  }
  return visits;
}

inline bytes message(std::size_t number, bool is_answer) {
  return tagged_packet(static_cast<std::uint32_t>(number), is_answer ? 1 : 0, 64 + number % 200);
}

/// All send before any is looked at.
inline void exchange_messages(std::vector<visit>& visits) {
  for (std::size_t i = 0; i < visits.size(); ++i)
    REQUIRE(visits[i].visitor.send(message(i, false), soon()));
  for (std::size_t i = 0; i < visits.size(); ++i) {
    REQUIRE(receive(*visits[i].at_site, message(i, false).size()) == message(i, false));
    REQUIRE(visits[i].at_site->send(message(i, true), soon()));
  }
  for (std::size_t i = 0; i < visits.size(); ++i)
    REQUIRE(receive(visits[i].visitor, message(i, true).size()) == message(i, true));
}

}  // namespace mtp::test
