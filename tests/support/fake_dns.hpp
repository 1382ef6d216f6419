// A name server on a loopback port, in the test's own thread: it answers when it is told to.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codecs/base/address.hpp"
#include "net/loop/unique_fd.hpp"
#include "tests/support/process.hpp"

namespace mtp::test {

/// What is wrong with a name server's answer.
enum class dns_fault : std::uint8_t {
  none,
  silent,
  /// It ends in the middle of its addresses.
  cut,
  /// Random bytes.
  noise,
};

struct dns_reply {
  std::vector<ip_address> addresses = {};
  std::uint32_t ttl = 60;
  /// RFC 1035, 4.1.1: 2 is SERVFAIL, 3 is NXDOMAIN.
  std::uint8_t rcode = 0;
  dns_fault v4 = dns_fault::none;
  dns_fault v6 = dns_fault::none;
};

class fake_dns {
 public:
  fake_dns();

  /// A resolv.conf that names it.
  [[nodiscard]] std::string resolv_conf() const { return (directory_.path() / "conf").string(); }
  void write_resolv_conf(const std::string& text) const;
  /// Of 127.0.0.1.
  [[nodiscard]] std::uint16_t port() const;

  /// Other names do not exist.
  void set(const std::string& name, dns_reply reply) { replies_[name] = std::move(reply); }
  /// Answers the questions that have come.
  void serve();
  /// Questions for A records of this name so far.
  [[nodiscard]] std::size_t asked(const std::string& name) const;

 private:
  [[nodiscard]] bytes answer(byte_view question, const std::string& name, std::size_t name_end);

  temporary_directory directory_;
  net::unique_fd fd_;
  std::map<std::string, dns_reply> replies_;
  std::map<std::string, std::size_t> asked_;
};

}  // namespace mtp::test
