#include "actors/client/relay_phase.hpp"

#include <cerrno>

#include "actors/client/client_conn.hpp"

namespace mtp::actors {

void relay_phase::start(client_conn& conn) {
  visit_->site().take(conn.release_socket());
  conn.arm_progress(conn.settings().fronting.idle_timeout);
}

void relay_phase::on_timer(client_conn& conn) {
  const auto idle = conn.home().now() - visit_->site().moved_at().load(std::memory_order_relaxed);
  const auto limit = conn.settings().fronting.idle_timeout;
  if (idle < limit) return conn.arm_progress(limit - idle);
  conn.port().metrics.inactive_timeout.add();
  conn.quit();
}

void relay_phase::on_unreachable(client_conn& conn, int error) {
  using config::fronting_down;
  switch (conn.settings().fronting.when_down) {
    case fronting_down::hold:
      return;
    case fronting_down::close:
      return close(conn, false);
    case fronting_down::mirror:
      // The host refused the connection, or did not answer: where that is seen, nothing says FIN.
      return close(conn, error != EACCES);
  }
}

void relay_phase::close(client_conn& conn, bool reset) {
  visit_->site().close(reset);
  conn.quit();
}

void relay_phase::stop(client_conn& conn) {
  conn.port().metrics.fronted_to_site.add(visit_->site().to_site());
  conn.port().metrics.fronted_to_visitor.add(visit_->site().to_visitor());
  visit_.reset();
}

}  // namespace mtp::actors
