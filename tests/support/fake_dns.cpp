#include "tests/support/fake_dns.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <stdexcept>

#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::test {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_aaaa = 28;

void append_be(bytes& into, std::uint32_t value, unsigned size) {
  while (size-- > 0)
    into.push_back(static_cast<std::uint8_t>(value >> (8 * size)));
}

/// The name in a question, dotted; `at` is left behind it.
std::string read_name(byte_view question, std::size_t& at) {
  std::string name;
  while (at < question.size() && question[at] != 0) {
    const std::size_t size = question[at++];
    if (!name.empty()) name += '.';
    for (std::size_t i = 0; i < size && at < question.size(); ++i)
      name += static_cast<char>(question[at++]);
  }
  ++at;
  return name;
}

}  // namespace

fake_dns::fake_dns() : fd_{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
  const auto any = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
  if (!fd_ || ::bind(fd_.get(), any.get(), any.size) != 0)
    throw std::runtime_error{"no UDP socket on 127.0.0.1"};
  write_resolv_conf("nameserver 127.0.0.1\n");
}

void fake_dns::write_resolv_conf(const std::string& text) const {
  std::ofstream{resolv_conf()} << text;
}

std::uint16_t fake_dns::port() const {
  return net::local_endpoint(fd_.get()).port;
}

void fake_dns::serve() {
  while (true) {
    bytes question(512);
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    auto* const asker = reinterpret_cast<sockaddr*>(&from);
    const auto size = ::recvfrom(fd_.get(), question.data(), question.size(), 0, asker, &from_size);
    if (size < 0) return;
    question.resize(static_cast<std::size_t>(size));
    std::size_t at = header_size;
    const auto name = read_name(question, at);
    const auto response = answer(question, name, at);
    if (!response.empty())
      ::sendto(fd_.get(), response.data(), response.size(), 0, asker, from_size);
  }
}

bytes fake_dns::answer(byte_view question, const std::string& name, std::size_t name_end) {
  // Type and class follow the name.
  if (name_end + 4 > question.size()) return {};
  const bool v4 = question[name_end + 1] == type_a;
  if (v4) ++asked_[name];
  const auto known = replies_.find(name);
  const dns_reply reply = known != replies_.end() ? known->second : dns_reply{.rcode = 3};
  const auto fault = v4 ? reply.v4 : reply.v6;
  if (fault == dns_fault::silent) return {};
  std::vector<ip_address> fitting;
  for (const auto& ip : reply.addresses)
    if (ip.is_v4() == v4) fitting.push_back(ip);

  bytes response = to_bytes(question.first(2));
  append_be(response, 0x8180U | reply.rcode, 2);
  append_be(response, 1, 2);
  append_be(response, static_cast<std::uint32_t>(fitting.size()), 2);
  append_be(response, 0, 4);
  append(response, question.subspan(header_size, name_end + 4 - header_size));
  for (const auto& ip : fitting) {
    const auto& raw = ip.mapped();
    const auto data = v4 ? byte_view{raw}.last(4) : byte_view{raw};
    append_be(response, 0xc000U + header_size, 2);  // the name in the question
    append_be(response, v4 ? type_a : type_aaaa, 2);
    append_be(response, 1, 2);  // IN
    append_be(response, reply.ttl, 4);
    append_be(response, static_cast<std::uint32_t>(data.size()), 2);
    append(response, data);
  }
  if (fault == dns_fault::cut) response.resize(response.size() - 6);
  if (fault == dns_fault::noise) net::fill_random(response);
  return response;
}

std::size_t fake_dns::asked(const std::string& name) const {
  const auto found = asked_.find(name);
  return found == asked_.end() ? 0 : found->second;
}

}  // namespace mtp::test
