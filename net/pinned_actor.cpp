#include "net/pinned_actor.hpp"

#include <spdlog/spdlog.h>

#include <caf/sec.hpp>

namespace mtp::net {

pinned_actor::pinned_actor(caf::actor_config& cfg, reactor& home)
    : caf::event_based_actor{cfg}, home_{&home} {
  set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error { return describe(what); });
  set_default_handler(
      [](caf::scheduled_actor* self, caf::message_view& x) -> caf::result<caf::message> {
        spdlog::error("{}: unexpected message {}", self->name(), x.content().stringify());
        return caf::sec::unexpected_message;
      });
}

void pinned_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  caf::event_based_actor::enqueue(std::move(what), home_);
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

caf::error pinned_actor::describe(std::exception_ptr what) {
  try {
    std::rethrow_exception(std::move(what));
  } catch (const std::exception& e) {
    spdlog::error("an actor ends because of a bug: {}", e.what());
  } catch (...) {
    spdlog::error("an actor ends because of an unknown exception");
  }
  return caf::sec::runtime_error;
}

}  // namespace mtp::net
