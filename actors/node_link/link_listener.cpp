#include "actors/node_link/link_listener.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/node_link/link_messages.hpp"
#include "net/node_link/basp_link.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// For CAF to tell of a connection.
constexpr auto answer_patience = 5s;
constexpr std::array<std::string_view, 8> refusal_labels{"timed_out",  "crowded_out", "closed",
                                                         "not_tls",    "certificate", "name",
                                                         "refused_us", "protocol"};
static_assert(refusal_labels.size() == static_cast<std::size_t>(net::link_refusal::protocol) + 1);

/// Message to itself.
struct connection_ended {
  std::string name;
  std::string why;
};

net::node_names names_of(const std::vector<std::string>& allowed) {
  return {allowed.begin(), allowed.end()};
}

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::connection_ended)

namespace mtp::actors {

link_listener::link_listener(caf::actor_config& cfg, net::reactor& home, node_link_side& side)
    : pinned_actor{cfg, home}, side_{&side}, silence_timer_{*this} {}

caf::behavior link_listener::start() {
  strangers_.emplace(*this, *side_);
  accept();
  instruct();
  forget_ended();
  for (const auto& known : side_->sessions)
    if (const auto session = known.lock()) watch(session);
  silence_timer_.arm(home().timers(), net::link_silence::interval);
  return {
      [this](const connection_ended& ended) {
        tell(spdlog::level::info, ended.name,
             fmt::format("node link: {}: its connection ended: {}", ended.name, ended.why));
      },
      [this](config_changed) { heed_config(); },
      [this](get_link_connections) { return connections(); },
      [this](const get_proven_name& wanted) { return find_name(wanted.node); },
  };
}

/// Nothing happens where it does so already.
void link_listener::accept() {
  const auto before = std::exchange(port_, side_->port.get()->sockets);
  if (port_ == before) return;
  if (acceptor_) return acceptor_->move_to(port_->socket(0));
  net::link_acceptor_owner& owner = *this;
  acceptor_.emplace(*this, owner, port_->socket(0), side_->credentials);
}

void link_listener::instruct() {
  const auto& link = settings().node_link;
  acceptor_->allow(names_of(link.allowed_nodes));
  acceptor_->forward_strangers(link.fronting ? std::optional{link.sni} : std::nullopt);
}

void link_listener::on_link(net::link_transport transport) {
  // Its handshake may have begun when its name was allowed still.
  const auto& allowed = settings().node_link.allowed_nodes;
  if (side_->credentials != nullptr &&
      std::ranges::find(allowed, transport.session()->peer_name()) == allowed.end())
    return on_refused(net::link_refusal::name);
  const auto gateway = side_->core.names.find(names::link_gateway);
  if (gateway == nullptr) return;  // being restarted: the front tries again
  forget_ended();
  side_->sessions.push_back(transport.session());
  watch(transport.session());
  spdlog::debug("node link: {} is let in", transport.session()->peer_name());
  net::publish_link(side_->core.system(), std::move(transport), link_key, gateway);
}

bool link_listener::has_joined(const net::link_session& session) {
  return net::has_joined(side_->core.system(), session);
}

void link_listener::on_stranger(net::unique_fd fd, const endpoint& remote) {
  // A reload may have taken the site away.
  const auto& site = settings().node_link.fronting;
  if (!site) return home().close_later(std::move(fd));
  spdlog::debug("node link: {} is no front, and goes to {}", to_string(remote), to_string(*site));
  strangers_->forward(std::move(fd), remote, *site);
}

void link_listener::on_refused(net::link_refusal why) {
  side_->core.metrics
      .get_counter("mtproto_proxy_link_refused_total", "Connections of nodes that were refused",
                   {{"reason", std::string{refusal_labels[static_cast<std::size_t>(why)]}}})
      .add();
}

void link_listener::heed_config() {
  accept();
  instruct();
  const auto& allowed = settings().node_link.allowed_nodes;
  if (side_->credentials == nullptr) return;
  for (const auto& known : side_->sessions) {
    const auto session = known.lock();
    if (session == nullptr || session->ended() ||
        std::ranges::find(allowed, session->peer_name()) != allowed.end())
      continue;
    const auto& name = session->peer_name();
    tell(spdlog::level::warn, name,
         fmt::format("{} is not among allowed_nodes any more: cut off", name));
    session->cut("its name is not allowed any more");
  }
}

void link_listener::on_due(net::timer&) {
  silence_.look(home().now(), settings().node_link.timeout);
  silence_timer_.arm(home().timers(), net::link_silence::interval);
}

/// Why it ends is told only with a certificate: without, it may be anybody, as often as he likes.
void link_listener::watch(const std::shared_ptr<net::link_session>& session) {
  silence_.watch(session);
  if (session->peer_name().empty()) return;
  session->on_end([me = caf::actor_cast<caf::weak_actor_ptr>(this),
                   name = session->peer_name()](const std::string& why) {
    if (const auto here = me.lock())
      caf::anon_send(caf::actor_cast<caf::actor>(here), connection_ended{name, why});
  });
}

void link_listener::tell(spdlog::level::level_enum level, const std::string& name,
                         const std::string& event) {
  if (const auto line = events_.tell(name, event, home().now())) spdlog::log(level, "{}", *line);
}

void link_listener::forget_ended() {
  std::erase_if(side_->sessions, [](const auto& known) {
    const auto session = known.lock();
    return session == nullptr || session->ended();
  });
}

std::vector<link_connection> link_listener::connections() {
  std::vector<link_connection> connections;
  forget_ended();
  for (const auto& known : side_->sessions)
    if (const auto session = known.lock())
      connections.push_back({.name = session->peer_name(),
                             .remote = session->remote(),
                             .received = session->received(),
                             .sent = session->sent()});
  return connections;
}

caf::result<std::string> link_listener::find_name(const caf::node_id& node) {
  auto promise = make_response_promise<std::string>();
  net::find_link(*this, node, answer_patience,
                 [this, promise](const std::string& address, std::uint16_t port) mutable {
                   promise.deliver(name_at(address, port));
                 });
  return promise;
}

std::string link_listener::name_at(const std::string& address, std::uint16_t port) const {
  for (const auto& known : side_->sessions) {
    const auto session = known.lock();
    if (session != nullptr && !session->ended() && session->remote().port == port &&
        to_string(session->remote().ip) == address)
      return session->peer_name();
  }
  return {};
}

void link_listener::stopped() {
  acceptor_.reset();
  strangers_.reset();
  silence_timer_.cancel();
}

}  // namespace mtp::actors
