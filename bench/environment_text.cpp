#include "bench/environment_text.hpp"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include <isa-l.h>
#if __has_include(<intel-ipsec-mb.h>)
#include <intel-ipsec-mb.h>
#endif

#include <array>
#include <caf/config.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

namespace mtp::bench {

namespace {

#if __has_include(<intel-ipsec-mb.h>)
constexpr const char* ipsec_mb = IMB_VERSION_STR;
#else
constexpr const char* ipsec_mb = "absent";
#endif

std::string processor_features() {
  std::ifstream in{"/proc/cpuinfo"};
  std::string line;
  while (std::getline(in, line) && !line.starts_with("flags")) {
  }
  std::string text;
  for (const char* feature : {"aes", "avx2", "bmi2", "pclmulqdq"})
    if ((line + ' ').find(fmt::format(" {} ", feature)) != std::string::npos)
      text += fmt::format(" {}", feature);
  return text;
}

/// The first line of "valgrind --version", e.g. "valgrind-3.19.0".
std::string valgrind_version() {
  struct closer {
    void operator()(std::FILE* file) const noexcept { static_cast<void>(::pclose(file)); }
  };
  const std::unique_ptr<std::FILE, closer> in{::popen("valgrind --version", "r")};
  std::array<char, 64> line{};
  if (in == nullptr || std::fgets(line.data(), line.size(), in.get()) == nullptr)
    return "no valgrind (scripts/packages.sh test installs it)";
  std::string text{line.data()};
  return text.substr(0, text.find('\n'));
}

}  // namespace

std::string environment_text() {
  return fmt::format(
      "g++ {}.{}, glibc {}, OpenSSL {}.{}, CAF {}, isa-l {}.{}, ipsec-mb {}, {}, processor with{}",
      __GNUC__, __GNUC_MINOR__, gnu_get_libc_version(), OPENSSL_version_major(),
      OPENSSL_version_minor(), CAF_VERSION, ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION, ipsec_mb,
      valgrind_version(), processor_features());
}

}  // namespace mtp::bench
