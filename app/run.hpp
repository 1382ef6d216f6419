// The running proxy: from settings to the last actor's end.
#pragma once

#include "app/reload.hpp"

namespace mtp::app {

/// Runs until SIGTERM or SIGINT, or until the supervision tree gives up. SIGHUP or SIGUSR2
/// reloads (app/reload.hpp): `reread` returns the configuration as it is now. A second SIGTERM or
/// SIGINT ends at once. Returns the exit status; if its output can't be written, the process ends
/// here with it. After `hold_signals`.
[[nodiscard]] int run_proxy(const config::settings& settings, const settings_reread& reread);

}  // namespace mtp::app
