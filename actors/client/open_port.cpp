#include "actors/client/open_port.hpp"

namespace mtp::actors {

namespace {

/// Whether clients that came with the one may go on when the other counts.
bool are_interchangeable(const config::port_settings& port, const config::port_settings& other) {
  return port.secret == other.secret && port.tag == other.tag;
}

void set_retired(const port_version& version, bool retired, net::steady_clock::time_point now) {
  const auto since = version.retired.load(std::memory_order_relaxed);
  const bool was_retired = since != net::steady_clock::time_point{};
  if (retired != was_retired)
    version.retired.store(retired ? now : net::steady_clock::time_point{},
                          std::memory_order_relaxed);
}

}  // namespace

open_port::open_port(const config::port_settings& configured, client_metrics counters)
    : name{configured.name},
      version{std::make_shared<const port_version>(configured)},
      metrics{std::move(counters)},
      versions_{version.get()} {}

void open_port::configure(const config::port_settings& next, net::steady_clock::time_point now) {
  if (version.get()->settings == next) return;
  const auto fresh = std::make_shared<const port_version>(next);
  version.set(fresh);
  std::erase_if(versions_, [](const auto& known) { return known.expired(); });
  hand_over(next, now);
  versions_.emplace_back(fresh);
}

void open_port::hand_over(const config::port_settings& next, net::steady_clock::time_point now) {
  for (const auto& known : versions_)
    if (const auto earlier = known.lock())
      set_retired(*earlier, !are_interchangeable(earlier->settings, next), now);
}

void open_port::retire(net::steady_clock::time_point now) {
  for (const auto& known : versions_)
    if (const auto earlier = known.lock()) set_retired(*earlier, true, now);
}

}  // namespace mtp::actors
