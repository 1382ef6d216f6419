#include "app/port_change.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

#include "net/loop/socket_options.hpp"

namespace mtp::app {

namespace {

using actors::served_port;

const endpoint& address_of(const served_port& served) {
  return served.sockets->where();
}

}  // namespace

tl::expected<port_change, std::string> port_change::prepare(actors::client_side& side,
                                                            config::client_config& wanted,
                                                            const std::set<std::uint16_t>& own) {
  const auto before = side.ports.get();
  port_change change{side};
  auto plain = wanted.plain_ports();
  auto all = wanted.ports;
  all.insert(all.end(), plain.begin(), plain.end());
  for (auto* const ports : {&wanted.ports, &plain})
    for (auto& port : *ports) {
      if (auto bound = change.add(port, all, *before, own); !bound)
        return tl::unexpected{std::move(bound.error())};
      change.settings_.push_back(port);
    }
  std::ranges::copy_if(*before, std::back_inserter(change.removed_), [&](const auto& served) {
    return std::ranges::find(change.served_, served) == change.served_.end();
  });
  return change;
}

tl::expected<void, std::string> port_change::add(config::port_settings& port,
                                                 const std::vector<config::port_settings>& all,
                                                 const std::vector<served_port>& before,
                                                 const std::set<std::uint16_t>& own) {
  const bool is_v6 = !port.listen.ip.is_v4();
  // "::" takes IPv4 too, unless there is "0.0.0.0" for that. What is sent to one IPv4 address that
  // has a port of its own goes there.
  const bool also_v4 = is_v6 && std::ranges::none_of(all, [&](const auto& other) {
                         return other.listen.ip.is_v4() && other.listen.ip.is_any() &&
                                other.listen.port == port.listen.port;
                       });
  served_port wanted{.port = nullptr, .sockets = nullptr};
  const auto bound_before = std::ranges::find_if(before, [&](const auto& served) {
    return address_of(served) == port.listen && served.sockets->also_v4() == also_v4;
  });
  if (bound_before != before.end()) {
    wanted.sockets = bound_before->sockets;
  } else {
    const bool beside_own =
        own.contains(port.listen.port) || std::ranges::any_of(served_, [&](const auto& served) {
          return address_of(served).port == port.listen.port;
        });
    const auto sockets = static_cast<unsigned>(side_->core.reactors.size());
    auto bound = net::bound_port::bind(port.listen, sockets, also_v4, beside_own);
    if (!bound) return tl::unexpected{port.name + ": " + bound.error()};
    wanted.sockets = std::make_shared<net::bound_port>(std::move(*bound));
  }
  port.listen = wanted.sockets->where();
  const auto same = std::ranges::find_if(before, [&](const auto& served) {
    return served.port->name == port.name && address_of(served) == port.listen;
  });
  if (same != before.end())
    wanted.port = same->port;
  else
    wanted.port = std::make_shared<actors::open_port>(
        port, actors::client_metrics{side_->core.metrics, port.name});
  if (std::ranges::find(before, wanted) == before.end()) added_.push_back(wanted);
  served_.push_back(std::move(wanted));
  return {};
}

void port_change::publish(net::steady_clock::time_point now) {
  for (const auto& served : added_)
    if (const auto listens = served.sockets->listen(); !listens)
      spdlog::error("{}: no clients can come: {}", served.port->name,
                    std::generic_category().message(listens.error()));
  for (std::size_t i = 0; i < served_.size(); ++i)
    served_[i].port->configure(settings_[i], now);
  leave_ports(now);
  side_->ports.set(std::make_shared<const std::vector<served_port>>(served_));
}

/// A port that has another name now, as one that has none is called by its place in the file, is at
/// the same address: its clients need not leave.
void port_change::leave_ports(net::steady_clock::time_point now) {
  auto left = *side_->left_ports.get();
  for (const auto& served : removed_)
    if (std::ranges::find(served_, served.port, &served_port::port) == served_.end())
      left.emplace_back(served.port);
  std::erase_if(left, [](const auto& known) { return known.expired(); });
  for (const auto& known : left) {
    const auto port = known.lock();
    if (port == nullptr) continue;
    const auto& address = port->version.get()->settings.listen;
    const auto heir = std::ranges::find(settings_, address, &config::port_settings::listen);
    if (heir != settings_.end())
      port->hand_over(*heir, now);
    else
      port->retire(now);
  }
  side_->left_ports.set(
      std::make_shared<const std::vector<std::weak_ptr<actors::open_port>>>(std::move(left)));
}

void set_client_options(const std::vector<served_port>& ports) {
  for (const auto& served : ports)
    for (unsigned i = 0; i < served.sockets->size(); ++i) {
      const int socket = served.sockets->socket(i);
      net::set_no_delay(socket);
      net::set_keep_alive(socket);
    }
}

}  // namespace mtp::app
