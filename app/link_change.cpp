#include "app/link_change.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>
#include <system_error>

#include "actors/core/names.hpp"
#include "actors/ops/proxy_sup.hpp"

namespace mtp::app {

namespace names = actors::names;

tl::expected<actors::link_port, std::string> bind_link(const endpoint& at, bool beside_own) {
  auto bound = net::bound_port::bind(at, 1, true, beside_own);
  if (!bound) return tl::unexpected{"node_link.listen: " + bound.error()};
  return actors::link_port{std::make_shared<net::bound_port>(std::move(*bound))};
}

tl::expected<link_change, std::string> link_change::prepare(actors::node_link_side& side,
                                                            const config::link_config& running,
                                                            const config::link_config& wanted,
                                                            const std::set<std::uint16_t>& own) {
  link_change change{side};
  const auto& link = wanted.node_link;
  if (side.port.get()->sockets != nullptr && link.listen != running.node_link.listen) {
    auto bound = bind_link(*link.listen, own.contains(link.listen->port));
    if (!bound) return tl::unexpected{std::move(bound.error())};
    change.port_ = std::move(*bound);
  }
  if (side.credentials != nullptr)
    if (auto read = side.credentials->reload(
            {.certificate = link.certificate, .key = link.key, .ca = link.ca});
        !read)
      return tl::unexpected{std::move(read.error())};
  return change;
}

void link_change::publish(const config::settings& wanted) {
  const auto& registry = side_->core.names;
  if (port_.sockets != nullptr) {
    if (const auto listens = port_.sockets->listen(); !listens)
      spdlog::error("node_link.listen: no fronts can come: {}",
                    std::generic_category().message(listens.error()));
    spdlog::info("node {}: waiting for fronts on {}", wanted.link.node_name,
                 to_string(port_.sockets->where()));
    side_->port.set(std::make_shared<const actors::link_port>(std::move(port_)));
  }
  for (const auto& back : side_->backs.follow(wanted))
    caf::anon_send(registry.find(names::back_session_sup), actors::session_with(*side_, back));
  const auto known = side_->backs.get();
  for (const auto& back : *known)
    caf::anon_send(registry.find(names::back_session(back.place)), actors::config_changed{});
  for (const auto& reactor : side_->core.reactors)
    caf::anon_send(registry.find(names::front_agent(reactor->index())), actors::config_changed{});
  caf::anon_send(registry.find(names::link_listener), actors::config_changed{});
}

}  // namespace mtp::app
