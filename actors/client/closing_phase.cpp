#include "actors/client/closing_phase.hpp"

#include "actors/client/client_conn.hpp"

namespace mtp::actors {

void closing_phase::start(client_conn& conn) {
  auto& stream = conn.stream();
  stream.want_read(false);
  if (stream.queued() == 0 && session_->writer.pending() == 0) return conn.quit();
  stream.flush_later();
  conn.watch_sending();
}

void closing_phase::on_sent(client_conn& conn) {
  if (conn.stream().queued() == 0) return conn.quit();
  conn.watch_sending();
}

}  // namespace mtp::actors
