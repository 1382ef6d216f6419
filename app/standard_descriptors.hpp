// Descriptors 0 to 2 are never anything else than standard input and output.
#pragma once

namespace mtp::app {

/// Opens /dev/null in the place of closed standard descriptors. Otherwise the first socket or file
/// to be opened would get such a number, and printed text. Call it before anything else is opened.
/// Ends the process with status 1 if it can't.
void fill_standard_descriptors();

}  // namespace mtp::app
