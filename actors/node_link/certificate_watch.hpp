// A node's certificate may be renewed while it runs, or be about to expire.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <string>

#include "actors/node_link/node_link_side.hpp"
#include "net/loop/log_limiter.hpp"
#include "net/tls/tls_context.hpp"

namespace mtp::actors {

/// Message: the certificate files may have changed.
struct read_certificates {};

struct certificate_watch_state {
  explicit certificate_watch_state(caf::event_based_actor* actor) : self{actor} {}

  void read();
  void tell_of_change();
  void warn_of_expiry();

  caf::event_based_actor* self;
  node_link_side* side = nullptr;
  /// The certificate in use at the last look.
  std::shared_ptr<const net::tls_context> known;
  /// Why the files could not be used at the last look; empty if they could.
  std::string trouble;
  /// Once a day.
  net::log_limiter expiry_log{std::chrono::hours{24}};

  static inline const char* name = "certificate_watch";
};

/// Behavior on a node with `node_link_side::credentials`: reads the files again every minute, and
/// at `read_certificates`, for new connections. Logs that there is a new certificate; that the
/// files can't be used (once; the former files' content stays in use); and, once a day, that the
/// certificate expires within 14 days, however long the present connections have lasted.
caf::behavior certificate_watch(caf::stateful_actor<certificate_watch_state>* self,
                                node_link_side& side);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::read_certificates)
