#include "actors/client/cover_visit.hpp"

#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "actors/client/cover_target.hpp"

namespace mtp::actors {

cover_visit::cover_visit(client_conn& conn, const config::fronting_target& to,
                         const connection_ends& visit, byte_view seen)
    : conn_{&conn},
      target_{to},
      site_{conn,
            conn.side().core.resolver(conn.home()),
            conn.side().pipes[conn.home().index()],
            *this,
            cover_target_of(to, conn.side(), conn.side().core.settings(conn.home()),
                            conn.home().now()),
            visit},
      place_{conn.side().fronted.join(conn.peer().ip, caf::actor{&conn}, site_.moved_at())} {
  site_.send(seen);
  // More than one, if a reload has lowered the limit.
  while (const auto evicted = conn.side().fronted.choose(conn.settings().most_fronted()))
    caf::anon_send(evicted, visit_evicted{});
}

void cover_visit::on_cover_speaks() {
  conn_->handle_cover_speaks();
}

void cover_visit::on_cover_unreachable(int error, const std::string& why) {
  conn_->handle_cover_unreachable(error, why);
}

void cover_visit::on_cover_over() {
  conn_->handle_cover_over();
}

}  // namespace mtp::actors
