// Writing a file so that a crash leaves the old one or the new one.
#pragma once

#include <string>

#include "codecs/base/bytes.hpp"

namespace mtp::net {

/// Writes beside `path` (".new"), has the disk hold it, then renames. The file has mode 0600.
/// Returns an errno; 0 if it is done. It waits for the disk: not for reactors.
[[nodiscard]] int replace_file(const std::string& path, byte_view content);

}  // namespace mtp::net
