#include "net/loop/quiet_actor.hpp"

#include <spdlog/spdlog.h>

#include <caf/actor_registry.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>

namespace mtp::net {

void set_quiet_defaults(caf::scheduled_actor& self) {
  self.set_default_handler(caf::drop);
  self.set_down_handler([](caf::down_msg&) {});
  self.set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr& what) { return report_bug(what); });
}

caf::error report_bug(std::exception_ptr what) {
  try {
    std::rethrow_exception(std::move(what));
  } catch (const std::exception& e) {
    spdlog::error("an actor ends because of a bug: {}", e.what());
  } catch (...) {
    spdlog::error("an actor ends because of an unknown exception");
  }
  return caf::sec::runtime_error;
}

void quiet_caf(caf::actor_system& system) {
  // What is sent to an actor that has ended is dropped at once.
  caf::anon_send_exit(system.scheduler().printer(), caf::exit_reason::user_shutdown);
  system.registry().erase(caf::atom("SpawnServ"));
  system.registry().erase(caf::atom("ConfigServ"));
}

}  // namespace mtp::net
