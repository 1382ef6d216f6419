// Fetches texts over HTTP(S) in a thread of its own, so that no other actor waits for a name
// server.
#pragma once

#include <caf/event_based_actor.hpp>

#include "actors/core/node_core.hpp"
#include "net/http/http_get.hpp"

namespace mtp::actors {

/// Message (request): replies with an `http_answer`. Requests are served one after the other.
struct http_fetch {
  net::http_request request;
};
struct http_answer {
  tl::expected<std::string, std::string> body;
  /// How far our clock is ahead of the server's, give or take the time that the answer took.
  std::optional<std::chrono::seconds> clock_ahead = {};
};

/// Behavior: `http_fetch`. To be spawned detached.
caf::behavior http_fetcher(caf::event_based_actor* self, node_core& core);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::http_fetch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::http_answer)
