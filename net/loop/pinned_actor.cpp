#include "net/loop/pinned_actor.hpp"

#include <caf/detail/sync_request_bouncer.hpp>

namespace mtp::net {

namespace {

constexpr std::size_t bounced_per_round = 1000;

}  // namespace

pinned_actor::pinned_actor(caf::actor_config& cfg, reactor& home)
    : caf::event_based_actor{cfg}, home_{&home} {
  set_quiet_defaults(*this);
}

void pinned_actor::enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) {
  caf::event_based_actor::enqueue(std::move(message), home_);
}

void pinned_actor::enqueue(caf::strong_actor_ptr source, caf::message_id mid, caf::message content,
                           caf::execution_unit*) {
  enqueue(caf::make_mailbox_element(std::move(source), mid, {}, std::move(content)), home_);
}

void pinned_actor::launch(caf::execution_unit*, bool lazy, bool hide) {
  caf::event_based_actor::launch(home_, lazy, hide);
}

void pinned_actor::initialize() {
  self_ = caf::strong_actor_ptr{ctrl()};
  caf::event_based_actor::initialize();
}

void pinned_actor::on_exit() {
  if (self_ == nullptr) return;  // destroyed before it ever ran, perhaps by another thread
  stopped();
  home_->release_later(std::move(self_));
}

caf::invoke_message_result pinned_actor::consume(caf::mailbox_element& x) {
  if (!has_behavior() || x.mid.is_response() || !on_message(x))
    return caf::event_based_actor::consume(x);
  return caf::invoke_message_result::consumed;
}

/// What scheduled_actor and local_actor do, but without a word to CAF's clock, which wakes up a
/// thread each time to learn that this actor had no timeouts. Ours are on the reactor's wheel.
bool pinned_actor::cleanup(caf::error&& why, caf::execution_unit* host) {
  awaited_responses_.clear();
  multiplexed_responses_.clear();
  if (!mailbox_.closed()) {
    mailbox_.close();
    get_normal_queue().flush_cache();
    get_urgent_queue().flush_cache();
    caf::detail::sync_request_bouncer bounce{why};
    while (mailbox_.queue().new_round(bounced_per_round, bounce).consumed_items > 0) {
    }
  }
  unregister_from_system();
  return caf::monitorable_actor::cleanup(std::move(why), host);
}

}  // namespace mtp::net
