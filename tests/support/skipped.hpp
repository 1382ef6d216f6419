// Tests that need what not every machine has.
#pragma once

#include <string>

namespace mtp::test {

/// Says that this machine lacks something that the running test needs: at once, and again when the
/// program ends, with all others; and in the file that MTP_SKIPPED names, for `make test`. The test
/// then returns, or goes on with what can be tested. Only for what is not there: what is there and
/// fails is a failure.
void skip(const std::string& missing);

}  // namespace mtp::test
