#include "actors/node_link/caf_openssl_link.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>

#include "actors/core/names.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 10s;
constexpr auto publish_again_after = 500ms;

/// Message to itself.
struct publish_due {};

using interface = std::set<std::string>;

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::publish_due)

namespace mtp::actors {

void caf_openssl_back_session::reach() {
  const auto& to = address();
  const auto mine = ++attempt_;
  request(system().openssl_manager().actor_handle(), patience, caf::connect_atom::value, to.host,
          to.port)
      .then(
          [this, mine](const caf::node_id&, const caf::strong_actor_ptr& gateway,
                       const interface&) {
            if (mine != attempt_) return;
            if (gateway == nullptr) return failed("it has published no actor");
            reached(caf::actor_cast<caf::actor>(gateway));
          },
          [this, mine](const caf::error& why) {
            if (mine == attempt_) failed("CAF can't connect: " + system().render(why));
          });
}

void caf_openssl_listener_state::publish() {
  const auto gateway = side->core.names.find(names::link_gateway);
  if (gateway == nullptr) return publish_later();
  const auto listen = *side->settings()->node_link.listen;
  self->request(self->system().openssl_manager().actor_handle(), patience, caf::publish_atom::value,
                listen.port, caf::actor_cast<caf::strong_actor_ptr>(gateway), interface{},
                to_string(listen.ip), true)
      .then(
          [this, listen, gateway](std::uint16_t) {
            trouble.clear();
            self->monitor(gateway);
            spdlog::info("node {}: waiting for fronts on {}, by CAF's OpenSSL module",
                         side->settings()->node_name, to_string(listen));
          },
          [this, listen](const caf::error& why) {
            auto text = fmt::format("node_link.listen {}: {}", to_string(listen),
                                    self->system().render(why));
            if (text != trouble) spdlog::error("{}", text);
            trouble = std::move(text);
            publish_later();
          });
}

void caf_openssl_listener_state::publish_later() {
  self->delayed_send(self, publish_again_after, publish_due{});
}

caf::behavior caf_openssl_listener(caf::stateful_actor<caf_openssl_listener_state>* self,
                                   node_link_side& side) {
  auto& state = self->state;
  state.side = &side;
  self->set_down_handler([self, &state](const caf::down_msg&) {
    // The gateway was restarted: its port is free when CAF has closed it.
    const auto port = state.side->settings()->node_link.listen->port;
    const auto again = [&state] { state.publish_later(); };
    self->request(self->system().openssl_manager().actor_handle(), patience, caf::close_atom::value,
                  port)
        .then(again, [again](const caf::error&) { again(); });
  });
  state.publish();
  return {[&state](publish_due) { state.publish(); }};
}

}  // namespace mtp::actors
