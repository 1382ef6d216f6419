// A node's certificate may be renewed while it runs, or be about to expire.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <optional>
#include <string>

#include "actors/node_link/node_link_side.hpp"
#include "net/tls/tls_context.hpp"

namespace mtp::actors {

/// Message: the files may be new ones.
struct read_certificates {};

struct certificate_watch_state {
  explicit certificate_watch_state(caf::event_based_actor* actor) : self{actor} {}

  void read();
  void tell_of_change();
  void warn_of_expiry();

  caf::event_based_actor* self;
  node_link_side* side = nullptr;
  /// What was used at the last look.
  std::shared_ptr<const net::tls_context> known;
  /// What was wrong with the files.
  std::string trouble;
  std::optional<caf::actor_clock::time_point> warned_at;

  static inline const char* name = "certificate_watch";
};

/// Behavior of a node's with `node_core::link_credentials`: reads the files again every minute
/// and at `read_certificates`, for connections to come, and logs what an operator should know: that
/// there is a new one, that they can't be used (once; those there were before still serve), and
/// once a day that the certificate expires within 14 days, however long the connections have lasted
/// that there are.
caf::behavior certificate_watch(caf::stateful_actor<certificate_watch_state>* self,
                                node_link_side& side);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::read_certificates)
