#include "app/port_change.hpp"

#include <algorithm>

#include "net/loop/socket_options.hpp"

namespace mtp::app {

namespace {

using actors::served_port;

const endpoint& address_of(const served_port& served) {
  return served.sockets->where();
}

}  // namespace

tl::expected<port_change, std::string> port_change::prepare(actors::client_side& side,
                                                            config::client_config& wanted) {
  const auto before = side.ports.get();
  port_change change{side, wanted};
  for (auto& port : wanted.ports) {
    // "::" takes IPv4 too, unless a port of IPv4 has the same number.
    const bool v4_apart = std::ranges::any_of(wanted.ports, [&](const auto& other) {
      return other.listen.ip.is_v4() && other.listen.port == port.listen.port;
    });
    if (auto bound = change.add(port, *before, !v4_apart); !bound)
      return tl::unexpected{std::move(bound.error())};
  }
  change.settings_ = wanted.ports;
  std::ranges::copy_if(*before, std::back_inserter(change.removed_), [&](const auto& served) {
    return std::ranges::find(change.served_, served) == change.served_.end();
  });
  return change;
}

tl::expected<void, std::string> port_change::add(config::port_settings& port,
                                                 const std::vector<served_port>& before,
                                                 bool also_v4) {
  served_port wanted{.port = nullptr, .sockets = nullptr};
  const bool is_v6 = !port.listen.ip.is_v4();
  const auto bound_before = std::ranges::find_if(before, [&](const auto& served) {
    return address_of(served) == port.listen && !(is_v6 && served.sockets->also_v4() != also_v4);
  });
  if (bound_before != before.end()) {
    wanted.sockets = bound_before->sockets;
  } else {
    const bool beside_own = std::ranges::any_of(
        before, [&](const auto& served) { return address_of(served).port == port.listen.port; });
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
  for (std::size_t i = 0; i < served_.size(); ++i)
    served_[i].port->configure(settings_[i], now);
  for (const auto& served : removed_)
    if (std::ranges::find(served_, served.port, &served_port::port) == served_.end())
      served.port->retire(now);
  side_->ports.set(std::make_shared<const std::vector<served_port>>(served_));
}

void set_client_options(const config::client_config& settings,
                        const std::vector<served_port>& ports) {
  for (const auto& served : ports)
    for (unsigned i = 0; i < served.sockets->size(); ++i) {
      const int socket = served.sockets->socket(i);
      net::set_no_delay(socket);
      net::set_keep_alive(socket);
      net::set_reset_on_close(socket, settings.reset_close_socket != config::reset_close::off);
    }
}

}  // namespace mtp::app
