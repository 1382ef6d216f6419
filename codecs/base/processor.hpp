// Whether this processor can run the fast code of the libraries that we link.
#pragma once

#include <string_view>

namespace mtp {

/// Empty if isa-l and Intel's IPsec library can be used here, as on every processor of the last
/// ten years; else the name of an instruction set that their code needs and that is missing, as on
/// the default models of many virtual machines. Both libraries look for some of these themselves,
/// but not for all: with AES-NI and no SSSE3, or AVX2 and no BMI1, they die of SIGILL.
[[nodiscard]] std::string_view missing_instructions() noexcept;

}  // namespace mtp
