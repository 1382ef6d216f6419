#include "codecs/base/processor.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <initializer_list>

namespace mtp {

#if defined(__x86_64__)

namespace {

struct feature {
  unsigned bit;
  std::string_view name;
};

std::string_view first_missing(unsigned present, std::initializer_list<feature> needed) noexcept {
  for (const auto& feature : needed)
    if ((present & feature.bit) == 0) return feature.name;
  return {};
}

/// Bits of XCR0: SSE and AVX state; and what AVX-512 has beside it.
constexpr unsigned avx_registers = 0x06;
constexpr unsigned avx512_registers = 0xe0;

/// XCR0: which registers the kernel saves. Requires OSXSAVE.
unsigned kept_registers() noexcept {
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
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
  if ((basic & bit_AVX) == 0) return {};
  // The IPsec library does not look whether the kernel keeps the wide registers.
  if ((basic & bit_OSXSAVE) == 0) return "XSAVE";
  const auto kept = kept_registers();
  if ((kept & avx_registers) != avx_registers) return "AVX that the kernel allows";
  unsigned extended = 0;
  if (__get_cpuid_count(7, 0, &ignored, &extended, &ignored, &ignored) == 0) return {};
  if ((extended & bit_AVX512F) != 0 && (kept & avx512_registers) != avx512_registers)
    return "AVX-512 that the kernel allows";
  // A processor with AVX2 is taken for a whole Haswell.
  if ((extended & bit_AVX2) == 0) return {};
  if ((basic & bit_MOVBE) == 0) return "MOVBE";
  return first_missing(extended, {{bit_BMI, "BMI1"}});
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
