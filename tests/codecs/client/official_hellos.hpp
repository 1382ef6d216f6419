// ClientHellos of Telegram's own clients, built from what is known of their sources.
#pragma once

#include <string>

#include "codecs/client/tls_client_hello.hpp"

namespace mtp::test {

/// Programs whose hellos differ.
enum class official_client : std::uint8_t {
  /// TDLib of July 2026 (`TlsInit.cpp`), and what is built with it on other systems than Apple's.
  tdlib,
  /// The same on Apple's systems: as Safari, in a fixed order.
  tdlib_apple,
  /// Android since 12.6.4, and tdesktop since 6.7: TDLib's, with ML-DSA.
  android,
  /// Android 12.1.1 and tdesktop 6.1.2: 517 bytes.
  android_old,
  /// `MTTcpConnection.m` before 2026, of iOS and of macOS: 517 bytes, no GREASE.
  ios_old,
  /// The same without a server name. Of iOS 12.2 to 12.6 no more is known than that it has none.
  ios_nameless,
  /// Swiftgram of 2026: as Chrome, but GREASE is anywhere, and its ECH is empty.
  ios_fork,
};
inline constexpr std::array<std::string_view, 7> official_client_names{
    "tdlib", "tdlib_apple", "android", "android_old", "ios_old", "ios_nameless", "ios_fork"};

/// The name that a client with a secret for `domain` asks for: TDLib cuts it.
[[nodiscard]] std::string name_asked_by(official_client client, const std::string& domain);

/// The hello, signed as the client does it. `domain` has at most 182 bytes for clients whose hello
/// has 517. `seed`: all that is chance. Any four in a row have every size and every choice there
/// is.
[[nodiscard]] bytes official_hello(official_client client, const std::string& domain,
                                   const secret16& secret, std::uint32_t unix_time,
                                   std::uint64_t seed);

}  // namespace mtp::test
