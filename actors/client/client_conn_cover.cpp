// client_conn: its socket and the cover site, for a visitor that is no client or may still be one.
#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "actors/core/metric_names.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::actors {

endpoint client_conn::local() const {
  return net::local_endpoint(stream_.fd());
}

net::unique_fd client_conn::release_socket() {
  idle_timer_.cancel();
  side_->core.memory.change(home().index(), std::exchange(held_, 0), 0);
  return stream_.release();
}

void client_conn::handle_cover_speaks() {
  // The rest of a hello may have come, and not been read yet.
  if (stream_.is_open() && stream_.has_unread()) on_readable(stream_);
  if (auto* const handshake = std::get_if<handshake_phase>(&phase_);
      handshake != nullptr && handshake->is_newcomer() && handshake->has_visit())
    follow(handshake->on_cover_speaks(*this));
}

void client_conn::handle_cover_unreachable(int error, const std::string& why) {
  port_->metrics.fronting_failed(errno_label(error)).add();
  if (const auto line = side_->site_troubles[home().index()].tell(
          fmt::format("{}: the cover site can't be reached: {}", port_->name, why), home().now()))
    spdlog::warn("{}", *line);
  if (auto* const relay = std::get_if<relay_phase>(&phase_))
    relay->on_unreachable(*this, error);
  else if (auto* const handshake = std::get_if<handshake_phase>(&phase_))
    handshake->on_cover_lost();
}

void client_conn::handle_visit_evicted() {
  if (std::holds_alternative<relay_phase>(phase_))
    quit();
  else if (auto* const handshake = std::get_if<handshake_phase>(&phase_))
    handshake->on_cover_lost();
}

void client_conn::handle_cover_over() {
  if (auto* const handshake = std::get_if<handshake_phase>(&phase_))
    handshake->on_cover_lost();
  else
    quit();
}

}  // namespace mtp::actors
