#include "codecs/processor.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace mtp {

#if defined(__x86_64__)

namespace {

struct feature {
  unsigned bit;
  std::string_view name;
};

std::string_view first_missing(unsigned present, std::initializer_list<feature> needed) noexcept {
  for (const auto& one : needed)
    if ((present & one.bit) == 0) return one.name;
  return {};
}

std::string_view find_missing() noexcept {
  unsigned ignored = 0;
  unsigned basic = 0;
  if (__get_cpuid(1, &ignored, &ignored, &basic, &ignored) == 0) return "CPUID";
  const auto missing = first_missing(basic, {{bit_AES, "AES-NI"},
                                             {bit_PCLMUL, "PCLMULQDQ"},
                                             {bit_SSSE3, "SSSE3"},
                                             {bit_SSE4_1, "SSE4.1"},
                                             {bit_SSE4_2, "SSE4.2"}});
  if (!missing.empty()) return missing;
  unsigned extended = 0;
  if (__get_cpuid_count(7, 0, &ignored, &extended, &ignored, &ignored) == 0) return {};
  // Whoever has AVX2 is taken for a whole Haswell.
  if ((extended & bit_AVX2) == 0) return {};
  const auto unlike_haswell = first_missing(basic, {{bit_OSXSAVE, "XSAVE"}, {bit_MOVBE, "MOVBE"}});
  return unlike_haswell.empty() ? first_missing(extended, {{bit_BMI, "BMI1"}}) : unlike_haswell;
}

}  // namespace

std::string_view missing_instructions() noexcept {
  static const auto missing = find_missing();
  return missing;
}

#else

// Elsewhere isa-l asks the kernel, and the IPsec library is not used.
std::string_view missing_instructions() noexcept {
  return {};
}

#endif

}  // namespace mtp
