// What fuzz targets share.
#pragma once

#include <cstdlib>

#include "codecs/bytes.hpp"

/// Ends the run as a finding if `what` does not hold, also in builds without assertions.
#define FUZZ_REQUIRE(what) \
  do {                     \
    if (!(what)) abort();  \
  } while (false)
