#include "net/loop/quiet_actor.hpp"

#include <spdlog/spdlog.h>

#include <caf/actor_registry.hpp>
#include <caf/detail/pretty_type_name.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/uniform_type_info_map.hpp>
#include <mutex>
#include <set>
#include <string>

namespace mtp::net {

namespace {

#ifdef NDEBUG
constexpr auto drop_unknown = caf::drop;
#else
/// Peers can make up any number of types.
constexpr std::size_t most_types = 100;

std::string types_of(caf::scheduled_actor& self, const caf::type_erased_tuple& content) {
  std::string types;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const auto [number, type] = content.type(i);
    types += i > 0 ? ", " : "";
    types += number != 0 ? self.system().types().portable_name(number, type)
                         : caf::detail::pretty_type_name(*type);
  }
  return types;
}

/// A bug of ours, or of a peer. Its values are not logged: they may be secret.
caf::result<caf::message> drop_unknown(caf::scheduled_actor* self, caf::message_view& unknown) {
  static std::mutex mutex;
  static std::set<std::string> told;
  const auto types = types_of(*self, unknown.content());
  const std::lock_guard lock{mutex};
  if (told.size() < most_types && told.insert(types).second)
    spdlog::warn("{}: a message that it does not know is dropped: ({})", self->name(), types);
  return caf::drop(self, unknown);
}
#endif

}  // namespace

void set_quiet_defaults(caf::scheduled_actor& self) {
  self.set_default_handler(drop_unknown);
  self.set_down_handler([](caf::down_msg&) {});
  self.set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr& thrown) { return report_bug(thrown); });
}

caf::error report_bug(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
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
