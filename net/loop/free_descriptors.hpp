// How many more descriptors the process may open.
#pragma once

#include <cstddef>

namespace mtp::net {

/// The number of descriptors that can still be opened, counted up to `most` (32 of them at most).
/// Takes two system calls, unless they are nearly used up: then up to two for each that is free.
/// `open`: any descriptor that is open.
[[nodiscard]] std::size_t free_descriptors(std::size_t most, int open) noexcept;

}  // namespace mtp::net
