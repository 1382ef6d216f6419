#include "actors/client/replay_writer.hpp"

#include <caf/all.hpp>

namespace mtp::actors {

namespace {

/// Message to itself.
struct write_due {};

/// With SIGKILL, what came in this time is lost.
constexpr std::chrono::milliseconds write_interval{500};

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::write_due)

namespace mtp::actors {

caf::behavior replay_writer(caf::stateful_actor<replay_writer_state>* self, client_side& side) {
  self->set_exit_handler([self, &side](caf::exit_msg& asked) {
    side.journal.finish(self->clock().now());
    self->quit(std::move(asked.reason));
  });
  self->send(self, write_due{});
  return {
      [self, &side](write_due) {
        side.journal.write(side.core.config.get()->client, self->clock().now());
        self->delayed_send(self, write_interval, write_due{});
      },
  };
}

}  // namespace mtp::actors
