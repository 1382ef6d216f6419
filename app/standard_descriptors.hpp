// Descriptors 0 to 2 are never anything else than standard input and output.
#pragma once

namespace mtp::app {

/// Opens /dev/null in the place of those that are closed: whatever is opened first, a socket or a
/// file, would have their numbers, and get what is printed. Before anything else is opened. Ends
/// the process with status 1 if it can't.
void fill_standard_descriptors();

}  // namespace mtp::app
