// The node link by CAF's own OpenSSL module, for closed networks: see ADR 11 for why it is not the
// usual way. CAF accepts and dials; the cluster_cookie is checked at the hello, behind BASP.
#pragma once

#include <caf/stateful_actor.hpp>

#include "actors/node_link/back_session.hpp"

namespace mtp::actors {

/// A front's link to a back.
class caf_openssl_back_session final : public back_session {
 public:
  using back_session::back_session;

 private:
  void reach() override;
  /// CAF keeps the connection; another hello goes the same way.
  void leave() override { ++attempt_; }

  /// Answers to earlier attempts don't count.
  std::uint64_t attempt_ = 0;
};

struct caf_openssl_listener_state {
  explicit caf_openssl_listener_state(caf::event_based_actor* actor) : self{actor} {}

  void publish();
  void publish_later();

  caf::event_based_actor* self;
  node_link_side* side = nullptr;
  std::string trouble;

  static inline const char* name = "caf_openssl_listener";
};

/// Behavior of the listener for fronts: publishes the gateway on `node_link.listen`, again whenever
/// the gateway was restarted, and keeps trying if it can't.
caf::behavior caf_openssl_listener(caf::stateful_actor<caf_openssl_listener_state>* self,
                                   node_link_side& side);

}  // namespace mtp::actors
