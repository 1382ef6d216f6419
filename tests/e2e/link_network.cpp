#include "tests/e2e/link_network.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "tests/support/skipped.hpp"

namespace mtp::test {

namespace {

/// What tools say if the kernel lacks what they are for; whatever else they say is a failure.
bool is_lack(std::string_view said) {
  constexpr auto texts = std::to_array<std::string_view>(
      {"not supported", "not permitted", "Unknown device type", "is unknown"});
  return std::ranges::any_of(texts,
                             [&](auto text) { return said.find(text) != std::string_view::npos; });
}

std::string find_lack() {
  auto lack = network_namespace::missing({"ip", "nft", "tc"});
  if (!lack.empty()) return lack;
  try {
    const link_network probe;
    probe.slow_down(1000);
    return {};
  } catch (const std::runtime_error& e) {
    if (!is_lack(e.what())) throw;
    return e.what();
  }
}

}  // namespace

bool link_network::left_out() {
  static const auto lack = find_lack();
  if (!lack.empty()) skip("no networks of our own: " + lack);
  return !lack.empty();
}

link_network::link_network() {
  front_.run({"ip", "link", "add", "link0", "type", "veth", "peer", "name", "link0", "netns",
              back_.path()});
  for (const auto& [at, ip] : {std::pair{&front_, front_ip}, std::pair{&back_, back_ip}}) {
    at->run({"ip", "addr", "add", std::string{ip} + "/24", "dev", "link0"});
    at->run({"ip", "link", "set", "link0", "up"});
    at->run({"nft",
             "add table inet t; add chain inet t in "
             "{ type filter hook input priority 0; }"});
  }
}

void link_network::drop(const network_namespace& at, const std::string& condition) {
  at.run({"nft", "add rule inet t in iifname \"link0\" " + condition + " drop"});
}

void link_network::lose(int percent) const {
  for (const auto* const at : {&front_, &back_})
    drop(*at, "numgen random mod 100 < " + std::to_string(percent));
}

void link_network::heal() const {
  for (const auto* const at : {&front_, &back_})
    at->run({"nft", "flush chain inet t in"});
}

void link_network::slow_down(int kbit) const {
  for (const auto* const at : {&front_, &back_})
    at->run({"tc", "qdisc", "add", "dev", "link0", "root", "tbf", "rate",
             std::to_string(kbit) + "kbit", "burst", "16kb", "latency", "400ms"});
}

}  // namespace mtp::test
