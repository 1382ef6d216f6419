// The phase of a connection that is no client's: the cover site answers it. The socket belongs to
// the relay; what is left here is time.
#pragma once

#include <memory>

#include "actors/client/cover_visit.hpp"

namespace mtp::actors {

class relay_phase {
 public:
  [[nodiscard]] static std::string_view name() noexcept { return "fronted"; }

  explicit relay_phase(std::unique_ptr<cover_visit> visit) : visit_{std::move(visit)} {}

  void start(client_conn& conn);
  /// It may have been idle for too long.
  void on_timer(client_conn& conn);
  void on_unreachable(client_conn& conn, int error);
  /// Both ends are closed, or have to be.
  void stop(client_conn& conn);

 private:
  void close(client_conn& conn, bool reset);

  std::unique_ptr<cover_visit> visit_;
};

}  // namespace mtp::actors
