#include "actors/node_link/remote_back_session.hpp"

#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/node_link/certificate_watch.hpp"
#include "net/node_link/basp_link.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto join_patience = 10s;

/// Message to itself: the connection is gone.
struct link_gone {};

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::link_gone)

namespace mtp::actors {

remote_back_session::remote_back_session(caf::actor_config& cfg, net::reactor& home,
                                         node_link_side& side, std::size_t place)
    : back_session{cfg, home, side, place},
      dialer_{*this, side.core.resolver(home), *this},
      silence_timer_{*this} {}

bool remote_back_session::on_message(caf::mailbox_element& x) {
  if (net::message_as<link_gone>(x) == nullptr) return false;
  if (std::exchange(reach_when_gone_, false)) reach();
  return true;
}

void remote_back_session::reach() {
  if (session_ != nullptr && !session_->ended()) {
    reach_when_gone_ = true;
    return;
  }
  const auto& credentials = side().credentials;
  // If it has been renewed just now, the next attempt is made with the new one.
  caf::anon_send(side().core.names.find(names::certificate_watch), read_certificates{});
  const auto& all = side().core.settings(home()).uplink;
  const auto& to = address();
  dialer_.dial({.host = to.host,
                .port = to.port,
                .name = to.name,
                .sni = side().core.settings(home()).link.node_link.sni,
                .bind_v4 = all.bind_address,
                .bind_v6 = all.bind_address_v6},
               credentials != nullptr ? credentials->current() : nullptr);
}

void remote_back_session::leave() {
  reach_when_gone_ = false;
  dialer_.cancel();
  if (session_ != nullptr) session_->cut("it was given up here");
}

void remote_back_session::on_due(net::timer& due) {
  if (&due != &silence_timer_) return back_session::on_due(due);
  silence_.look(home().now(), settings().node_link.timeout);
  if (!session_->ended()) silence_timer_.arm(home().timers(), net::link_silence::interval);
}

void remote_back_session::on_dialed(tl::expected<net::link_transport, std::string> result) {
  if (!result) return failed(std::move(result.error()));
  join(std::move(*result));
}

void remote_back_session::join(net::link_transport transport) {
  session_ = transport.session();
  silence_.watch(session_);
  silence_timer_.arm(home().timers(), net::link_silence::interval);
  session_->on_end([me = caf::actor_cast<caf::weak_actor_ptr>(this)](const std::string&) {
    if (const auto here = me.lock()) caf::anon_send(caf::actor_cast<caf::actor>(here), link_gone{});
  });
  net::join_link(*this, std::move(transport), link_key, join_patience,
                 [this, mine = session_](tl::expected<net::linked_node, std::string> joined) {
                   if (mine != session_) return;
                   if (joined)
                     reached(std::move(joined->published));
                   else
                     failed(std::move(joined.error()));
                 });
}

std::string remote_back_session::why_lost(const caf::error& reason) const {
  auto said = back_session::why_lost(reason);
  if (is_lost()) return "the connection is lost: " + session_->trouble();
  // CAF gives a connection up, and says so, before it closes it.
  if (reason == caf::exit_reason::remote_link_unreachable) return said + ": " + net::closed_by_caf;
  return said;
}

bool remote_back_session::is_lost() const {
  return session_ != nullptr && !session_->trouble().empty();
}

std::string remote_back_session::proven_name() const {
  return session_ != nullptr ? session_->peer_name() : std::string{};
}

void remote_back_session::stopped() {
  back_session::stopped();
  silence_timer_.cancel();
  if (session_ != nullptr) session_->on_end([](const std::string&) {});
}

}  // namespace mtp::actors
