// The running proxy: from settings to the last actor's end.
#pragma once

#include "app/settings_file.hpp"

namespace mtp::app {

/// Runs until SIGTERM or SIGINT, or until the supervision tree gives up. SIGHUP fetches Telegram's
/// configuration anew. A second SIGTERM or SIGINT ends at once. Returns the exit status.
[[nodiscard]] int run_proxy(const actors::settings& settings);

}  // namespace mtp::app
