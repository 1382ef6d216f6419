// The clock that a client's hello tells of: an old hello is a recorded one. Pure: our own time is
// the caller's.
#pragma once

#include <chrono>
#include <cstdint>

#include "config/settings.hpp"

namespace mtp::actors {

/// A client without a clock counts from its start: below this many seconds.
inline constexpr std::chrono::seconds longest_boot_clock = std::chrono::days{7};

enum class hello_clock : std::uint8_t {
  right,
  /// It counts from the start of its machine, which says nothing about the age of the hello.
  since_boot,
  wrong,
};

/// `told`: Unix seconds in the hello; `now`: the same of ours.
[[nodiscard]] inline hello_clock judge_clock(std::uint32_t told, std::int64_t now,
                                             const config::hello_clock_settings& by) noexcept {
  const std::chrono::seconds ahead{std::int64_t{told} - now};
  if (ahead >= -by.window && ahead <= by.window) return hello_clock::right;
  if (by.boot_clock && std::chrono::seconds{told} < longest_boot_clock)
    return hello_clock::since_boot;
  return by.ignore_skew ? hello_clock::right : hello_clock::wrong;
}

/// Where hellos have to be forgotten before, there are too many for the memory that they may take:
/// as it was recorded, one can be used for two windows, and our own clock may be set meanwhile.
[[nodiscard]] inline std::chrono::seconds least_replay_age(
    const config::hello_clock_settings& by) noexcept {
  return 3 * by.window;
}
/// A hello is remembered for at least this long: nothing protects its clock.
inline constexpr std::chrono::seconds least_lasting_replay_age = longest_boot_clock;

}  // namespace mtp::actors
