// The surroundings that the number of instructions per operation depends on, besides our code.
#pragma once

#include <string>

namespace mtp::bench {

/// Compiler, libraries with hot code, valgrind, and the processor's features that those choose
/// their code by (valgrind passes on no others): one line. Two machines with the same line count
/// the same. Versions are cut where fixes of a stable Debian release differ.
[[nodiscard]] std::string environment_text();

}  // namespace mtp::bench
