// What a back remembers of handshakes that its fronts have seen, and how far it has told each
// session of them. Pure: sessions and the clock are the caller's. Bounds are by the names of
// fronts; fronts of one name share them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "actors/core/seen_ring.hpp"
#include "codecs/client/replay_record.hpp"

namespace mtp::actors {

class seen_exchange {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using predicate = std::function<bool(const std::string& front)>;

  static constexpr std::size_t max_fronts = 64;
  /// A front may tell of so many, after it has told of a whole ring at once.
  static constexpr double handshakes_per_second = 4096;
  /// What a front has told is forgotten when it has had no session for so long.
  static constexpr std::chrono::hours memory_of_gone{24};

  /// `process`, a front with that name, tells of handshakes that it has seen. Returns how many are
  /// not taken: it has told of too many of late, or there are too many fronts. Another one that has
  /// no session, of which `is_linked` knows, makes room for it.
  [[nodiscard]] std::size_t add(const std::string& front, std::uint64_t process,
                                std::span<const replay_record> handshakes, time_point now,
                                const predicate& is_linked);
  /// Forgets fronts that are not allowed any more, and fronts that are long gone.
  void forget(time_point now, const predicate& is_linked, const predicate& is_allowed);

  /// The session of a process wants what others tell, from the oldest that is remembered on.
  void join(std::uint64_t session, std::uint64_t process);
  /// It does not want it any more.
  void leave(std::uint64_t session);
  /// The session has ended.
  void end(std::uint64_t session) { readers_.erase(session); }

  struct batch {
    /// At most `max_seen_records`.
    std::vector<replay_record> handshakes;
    /// So many before them were forgotten before they could be sent.
    std::size_t missed = 0;
  };
  /// What is next for a session of what processes called `front` have told. Nothing if there is
  /// nothing new but its own, if it does not want any, or if it has not confirmed the batch before.
  [[nodiscard]] std::optional<batch> next(std::uint64_t session, const std::string& front);
  void confirm(std::uint64_t session, const std::string& front);

  [[nodiscard]] std::vector<std::string> fronts() const;
  /// The sessions that want what others tell.
  [[nodiscard]] std::vector<std::uint64_t> readers() const;
  [[nodiscard]] bool empty() const noexcept { return told_.empty(); }

 private:
  struct told_handshake {
    replay_record seen;
    std::uint64_t process = 0;
  };
  using ring = seen_ring<told_handshake>;
  /// Of the fronts of a name.
  struct told {
    ring latest;
    /// How many they may tell of at once, as of the time that they last did.
    double allowance = seen_ring_size;
    time_point last;
  };
  /// How far a session has been told of what fronts of a name have told.
  struct progress {
    std::optional<ring::place> at;
    bool is_under_way = false;
  };
  struct reader {
    std::uint64_t process = 0;
    bool is_joined = false;
    std::map<std::string, progress> of;
  };

  [[nodiscard]] bool make_room(const predicate& is_linked);
  void forget_if(const predicate& goes);

  std::map<std::string, told> told_;
  std::map<std::uint64_t, reader> readers_;
};

}  // namespace mtp::actors
