// How much memory there is for this process.
#pragma once

#include <cstddef>
#include <filesystem>

namespace mtp::net {

/// Bytes: the machine's memory or, if that is less, the limit of a control group (version 2 or 1)
/// that this process is in. `root` is where /proc and /sys are.
[[nodiscard]] std::size_t machine_memory(const std::filesystem::path& root = "/");

}  // namespace mtp::net
