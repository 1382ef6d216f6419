#include "app/effective_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "actors/client/replay_sweeper.hpp"

namespace mtp::app {

namespace {

/// Descriptors that are not clients': connections to Telegram, listeners, files, and some to spare.
constexpr std::size_t reserved_files = 512;
/// Of a forwarded connection: its own and the site's. Pipes come from what is left over.
constexpr std::size_t files_of_fronted = 2;

void limit_connections(config::client_config& settings, std::size_t files,
                       std::vector<std::string>& notes) {
  const auto ports = settings.ports.size() + settings.fronting.plain.size();
  if (ports == 0) return;
  const auto room = files > 2 * reserved_files ? files - reserved_files : files / 2;
  const bool fronts =
      settings.fronting.mode != config::fronting_mode::off || !settings.fronting.plain.empty();
  auto fronted = fronts ? settings.most_fronted() : 0;
  const auto for_clients = [&] { return room - std::min(room, files_of_fronted * fronted); };
  if (settings.max_connections * ports <= for_clients()) return;
  // A quarter of the files at most.
  fronted = std::min(fronted, std::max<std::size_t>(room / (4 * files_of_fronted), 1));
  settings.max_connections =
      std::clamp<std::size_t>(for_clients() / ports, 1, settings.max_connections);
  if (fronts) settings.fronting.max_fronted = fronted;
  notes.push_back(fmt::format(
      "only {} files may be open: {} clients a port at most{}; raise the limit (ulimit -n, "
      "LimitNOFILE) for more",
      files, settings.max_connections,
      fronts ? fmt::format(", and {} forwarded connections", fronted) : ""));
}

void limit_replay_memory(config::client_config& settings, std::size_t budget,
                         std::vector<std::string>& notes) {
  auto& memory_mb = settings.replay_cache.max_memory_mb;
  const auto wanted_mb = std::exchange(memory_mb, actors::replay_memory_mb(memory_mb, budget));
  if (memory_mb >= wanted_mb) return;
  notes.push_back(
      fmt::format("replay_check_session_storage_opts.max_memory_mb is lowered to {}: a quarter of "
                  "the memory budget ({} MiB)",
                  memory_mb, budget >> 20U));
}

}  // namespace

config::settings effective_settings(config::settings wanted, const machine_limits& limits,
                                    std::vector<std::string>& notes) {
  limit_replay_memory(wanted.client, limits.memory_budget, notes);
  limit_connections(wanted.client, limits.open_files, notes);
  return wanted;
}

}  // namespace mtp::app
