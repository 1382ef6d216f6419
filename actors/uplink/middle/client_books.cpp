#include "actors/uplink/middle/client_books.hpp"

namespace mtp::actors {

std::string_view client_sums::overflow(const config::backpressure_settings& limits,
                                       std::size_t clients, bool paused) const noexcept {
  const double share = paused ? 0.75 : 1.0;
  const auto above = [share](std::size_t value, double limit) {
    return static_cast<double>(value) > share * limit;
  };
  const auto bytes = unacked_.bytes - behind_.bytes;
  const auto packets = unacked_.packets - behind_.packets;
  const auto count = static_cast<double>(clients);
  if (above(packets, static_cast<double>(limits.packets_total))) return "count_total";
  if (above(bytes, static_cast<double>(limits.bytes_total))) return "bytes_total";
  if (limits.packets_per_upstream && above(packets, count * *limits.packets_per_upstream))
    return "count_per_upstream";
  if (limits.bytes_per_upstream &&
      above(bytes, count * static_cast<double>(*limits.bytes_per_upstream)))
    return "bytes_per_upstream";
  return {};
}

void client_sums::remove(client_account& gone) noexcept {
  settle(gone, gone.unacked_bytes, gone.unacked_packets, gone.waits_since);
  elsewhere_ -= gone.elsewhere ? 1 : 0;
}

void client_sums::set_behind(client_account& slow) noexcept {
  slow.behind = true;
  behind_.bytes += slow.unacked_bytes;
  behind_.packets += slow.unacked_packets;
}

}  // namespace mtp::actors
