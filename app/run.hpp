// The running proxy: from settings to the last actor's end.
#pragma once

#include <functional>

#include "config/settings_file.hpp"

namespace mtp::app {

/// Reads the configuration again for what can change at run time; the argument is what runs.
using settings_reread =
    std::function<tl::expected<config::loaded_settings, std::vector<config::config_problem>>(
        const config::settings& running)>;

/// Runs until SIGTERM or SIGINT, or until the supervision tree gives up. SIGHUP or SIGUSR2 fetches
/// Telegram's configuration anew, and takes over what `reread` returns: `node_link.allowed_nodes`,
/// and certificates. A file that is wrong changes nothing. A second SIGTERM or SIGINT ends at once.
/// Returns the exit status; if its output can't be written, the process ends here with it. After
/// `hold_signals`.
[[nodiscard]] int run_proxy(const config::settings& settings, const settings_reread& reread);

}  // namespace mtp::app
