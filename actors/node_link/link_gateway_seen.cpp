// Handshakes that fronts have seen, on their way to other fronts.
#include <algorithm>
#include <caf/all.hpp>

#include "actors/node_link/link_gateway.hpp"
#include "codecs/node_link/seen_batch.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

constexpr std::chrono::minutes forget_interval{1};

}  // namespace

link_gateway_state::session* link_gateway_state::sharing_session(std::uint64_t number) {
  const auto found = sessions.find(number);
  if (found == sessions.end() || !found->second.terms.has(link_capability::seen_handshakes) ||
      found->second.session_actor != caf::actor_cast<caf::actor>(self->current_sender()))
    return nullptr;
  return &found->second;
}

void link_gateway_state::handle_share(std::uint64_t number, bool wanted) {
  const auto* const asking = sharing_session(number);
  if (asking == nullptr) return;
  if (!wanted) return seen.leave(number);
  seen.join(number, asking->hello.node);
  for (const auto& front : seen.fronts())
    relay(number, front);
}

void link_gateway_state::handle_seen(std::uint64_t number, const std::string& batch) {
  const auto* const told = sharing_session(number);
  if (told == nullptr) return;
  auto& counted = side->shared_replays.counted;
  const auto read = decode_seen_batch(as_bytes(batch), net::unix_time());
  if (!read) return counted.dropped.add();
  const auto& front = told->hello.name;
  counted.received.add(read->records.size());
  const auto too_many = seen.add(front, told->hello.node, read->records, self->clock().now(),
                                 [this](const std::string& other) { return is_linked(other); });
  counted.dropped.add(read->too_old + too_many);
  for (const auto reader : seen.readers())
    relay(reader, front);
  if (!std::exchange(is_forgetting, true))
    self->delayed_send(self, forget_interval, forget_seen_now{});
}

void link_gateway_state::relay(std::uint64_t number, const std::string& front) {
  const auto to = sessions.find(number);
  if (to == sessions.end()) return;
  const auto next = seen.next(number, front);
  if (!next) return;
  side->shared_replays.counted.dropped.add(next->missed);
  const auto batch = encode_seen_batch(next->handshakes, net::unix_time());
  // What is lost with a session is not sent again: the next one begins with all that is remembered.
  self->request(to->second.session_actor, seen_patience, link_seen_atom::value, number, front,
                std::string{as_text(batch)})
      .then(
          [this, number, front, count = next->handshakes.size()] {
            side->shared_replays.counted.sent.add(count);
            seen.confirm(number, front);
            relay(number, front);
          },
          [this, number, front, count = next->handshakes.size()](const caf::error& why) {
            side->shared_replays.counted.dropped.add(count);
            seen.confirm(number, front);
            if (why == caf::sec::request_timeout) relay(number, front);
          });
}

void link_gateway_state::forget_seen() {
  seen.forget(
      self->clock().now(), [this](const std::string& front) { return is_linked(front); },
      [this](const std::string& front) { return is_allowed(front); });
  is_forgetting = !seen.empty();
  if (is_forgetting) self->delayed_send(self, forget_interval, forget_seen_now{});
}

bool link_gateway_state::is_linked(const std::string& front) const {
  return std::ranges::any_of(sessions,
                             [&](const auto& entry) { return entry.second.hello.name == front; });
}

/// Without certificates no names are allowed or forbidden.
bool link_gateway_state::is_allowed(const std::string& front) const {
  const auto settings = side->settings();
  const auto& allowed = settings->node_link.allowed_nodes;
  return side->credentials == nullptr || std::ranges::find(allowed, front) != allowed.end();
}

}  // namespace mtp::actors
