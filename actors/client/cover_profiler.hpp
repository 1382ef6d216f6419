// Measures the cover sites, so that what clients get looks like what a site sends.
#pragma once

#include <caf/stateful_actor.hpp>

#include "actors/client/client_side.hpp"
#include "actors/client/cover_profile_files.hpp"
#include "actors/client/cover_round.hpp"

namespace mtp::actors {

/// A site is measured again after this long, at a random time.
inline constexpr std::chrono::hours cover_measured_after_least{4};
inline constexpr std::chrono::hours cover_measured_after_most{8};
/// A profile is good for this long, if the site can't be reached any more.
inline constexpr std::chrono::hours cover_profile_age{72};

struct cover_profiler_state {
  using time_point = caf::actor_clock::time_point;

  struct measured_site {
    cover_site site;
    std::string text;
    /// Null: none, or too old.
    std::shared_ptr<const cover_profile> profile;
    time_point due;
    /// Rounds without an answer since the last one with.
    unsigned failures = 0;
    bool leads_back = false;
    /// What the operator was told last; nothing yet.
    std::optional<std::vector<cover_flaw>> told;
  };
  /// A round of `sites[place]`.
  struct running_round {
    std::size_t place = 0;
    cover_round round;
    std::string trouble;
    bool leads_back = false;
  };

  static inline const char* name = "cover_profiler";

  /// What is due: a hello to a site, or nothing. Returns when to look again.
  std::chrono::milliseconds look();
  void follow_settings();
  void measure();
  void finish_round();
  /// The profile counts from now on; the operator is told what is new about it.
  static void take(measured_site& site, std::shared_ptr<const cover_profile> profile);
  void drop_old();
  void publish() const;

  caf::stateful_actor<cover_profiler_state>* self = nullptr;
  client_side* side = nullptr;
  std::optional<cover_profile_files> files;
  /// Of `sites`; nothing at the start.
  std::optional<std::uint64_t> settings_generation;
  std::vector<measured_site> sites;
  std::optional<running_round> running;
  std::uint64_t evictions = 0;
  time_point next_loop_check;
};

/// Behavior: measures each site at the start, and every 4 to 8 hours; one that does not answer
/// after a minute, then after twice as long each time, up to an hour. It waits for sites and for
/// the disk, so it has a thread of its own. Profiles are kept in `state_dir`.
caf::behavior cover_profiler(caf::stateful_actor<cover_profiler_state>* self, client_side& side);

}  // namespace mtp::actors
