#include "app/port_change.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

#include "net/loop/socket_options.hpp"

namespace mtp::app {

namespace {

using actors::served_port;

/// Of one at a UNIX socket 0.0.0.0:0.
const endpoint& address_of(const served_port& served) {
  return served.sockets->where();
}

bool is_same_place(const config::port_settings& port, const config::port_settings& other) {
  if (port.socket || other.socket)
    return port.socket && other.socket && port.socket->path == other.socket->path;
  return port.listen == other.listen;
}

/// Whether these sockets are where the port is to be.
bool is_at(const served_port& served, const config::port_settings& port) {
  const auto* const socket = served.sockets->unix();
  if (port.socket) return socket != nullptr && socket->path() == port.socket->path;
  return socket == nullptr && address_of(served) == port.listen;
}

/// Error, for the operator.
tl::expected<net::socket_access, std::string> access_of(const config::client_socket& socket) {
  net::socket_access access{.mode = socket.mode, .group = std::nullopt};
  if (socket.group.empty()) return access;
  const auto group = net::find_group(socket.group);
  if (!group) return tl::unexpected{group.error()};
  access.group = *group;
  return access;
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
  served_port wanted{.port = nullptr, .sockets = nullptr};
  auto sockets = port.socket ? socket_of(port, before) : addresses_of(port, all, before, own);
  if (!sockets) return tl::unexpected{port.name + ": " + sockets.error()};
  wanted.sockets = std::move(*sockets);
  if (!port.socket) port.listen = wanted.sockets->where();
  const auto same = std::ranges::find_if(before, [&](const auto& served) {
    return served.port->name == port.name && is_at(served, port);
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

tl::expected<std::shared_ptr<net::bound_port>, std::string> port_change::socket_of(
    const config::port_settings& port, const std::vector<served_port>& before) {
  const auto access = access_of(*port.socket);
  if (!access) return tl::unexpected{access.error()};
  const auto bound_before =
      std::ranges::find_if(before, [&](const auto& served) { return is_at(served, port); });
  // Without its file it can't be reached any more.
  if (bound_before != before.end() && bound_before->sockets->unix()->is_in_place()) {
    access_.emplace_back(bound_before->sockets, *access);
    return bound_before->sockets;
  }
  const auto sockets = static_cast<unsigned>(side_->core.reactors.size());
  auto bound = net::bound_port::bind(port.socket->path, *access, sockets);
  if (!bound) return tl::unexpected{std::move(bound.error())};
  return std::make_shared<net::bound_port>(std::move(*bound));
}

tl::expected<std::shared_ptr<net::bound_port>, std::string> port_change::addresses_of(
    const config::port_settings& port, const std::vector<config::port_settings>& all,
    const std::vector<served_port>& before, const std::set<std::uint16_t>& own) const {
  const bool is_v6 = !port.listen.ip.is_v4();
  // "::" takes IPv4 too, unless there is "0.0.0.0" for that. What is sent to one IPv4 address that
  // has a port of its own goes there.
  const bool also_v4 = is_v6 && std::ranges::none_of(all, [&](const auto& other) {
                         return !other.socket && other.listen.ip.is_v4() &&
                                other.listen.ip.is_any() && other.listen.port == port.listen.port;
                       });
  const auto bound_before = std::ranges::find_if(before, [&](const auto& served) {
    return is_at(served, port) && served.sockets->also_v4() == also_v4;
  });
  if (bound_before != before.end()) return bound_before->sockets;
  const bool beside_own =
      own.contains(port.listen.port) || std::ranges::any_of(served_, [&](const auto& served) {
        return address_of(served).port == port.listen.port;
      });
  const auto sockets = static_cast<unsigned>(side_->core.reactors.size());
  auto bound = net::bound_port::bind(port.listen, sockets, also_v4, beside_own);
  if (!bound) return tl::unexpected{std::move(bound.error())};
  return std::make_shared<net::bound_port>(std::move(*bound));
}

void port_change::publish(net::steady_clock::time_point now) {
  for (const auto& served : added_)
    if (const auto listens = served.sockets->listen(); !listens)
      spdlog::error("{}: no clients can come: {}", served.port->name,
                    std::generic_category().message(listens.error()));
  for (const auto& [sockets, access] : access_)
    if (const auto set = sockets->unix()->set_access(access); !set)
      spdlog::error("listen_mode and listen_group have no effect: {}", set.error());
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
    const auto version = port->version.get();
    const auto heir = std::ranges::find_if(
        settings_, [&](const auto& next) { return is_same_place(next, version->settings); });
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
