#include "actors/core/shared_replays.hpp"

#include <algorithm>

namespace mtp::actors {

namespace {

/// Other fronts' handshakes may take half as much memory again as the node's own.
std::size_t most_of_others(const config::replay_cache_settings& bounds) noexcept {
  const auto by_memory = (bounds.max_memory_mb << 20U) / replays_by_front::bytes_per_item;
  return std::min(bounds.max_items, by_memory) / 2;
}

}  // namespace

shared_replay_counters::shared_replay_counters(metrics& in)
    : sent{in.get_counter("mtproto_proxy_replay_shared_sent_total",
                          "Handshakes that other nodes were told of")},
      received{in.get_counter("mtproto_proxy_replay_shared_received_total",
                              "Handshakes that other nodes told of")},
      dropped{in.get_counter("mtproto_proxy_replay_shared_dropped_total",
                             "Handshakes that were to be shared, and were too many or too old")},
      refused{in.get_counter("mtproto_proxy_replay_shared_refused_total",
                             "Handshakes refused because another front had seen them")} {}

void shared_replays::follow(const config::client_config& settings) {
  const std::scoped_lock lock{own_mutex_, others_mutex_};
  most_ = most_of_others(settings.replay_cache);
  const bool wanted = settings.replay_share && settings.replay_check_session_storage;
  if (is_on_.exchange(wanted, std::memory_order_relaxed) == wanted) return;
  own_.clear();
  fronts_.clear();
  others_.clear();
}

bool shared_replays::look_up(const replay_record& handshake) {
  if (others_.contains(handshake.fingerprint)) {
    counted.refused.add();
    return true;
  }
  const std::lock_guard lock{own_mutex_};
  if (is_on()) own_.add(handshake);
  return false;
}

shared_replays::own_ring::piece shared_replays::read_own(std::optional<own_ring::place> at,
                                                         std::size_t most) const {
  const std::lock_guard lock{own_mutex_};
  return own_.read(at.value_or(own_.begin()), most);
}

bool shared_replays::add(const std::string& front, std::span<const replay_record> handshakes) {
  const std::lock_guard lock{others_mutex_};
  if (!is_on()) return false;
  const auto number = number_of(front);
  if (!number) return false;
  for (const auto& handshake : handshakes)
    others_.add(*number, handshake, quota());
  return true;
}

/// The same however many there are: another one must not take what they have.
std::size_t shared_replays::quota() const {
  return most_ / replays_by_front::max_fronts;
}

std::optional<replays_by_front::front> shared_replays::number_of(const std::string& front) {
  if (const auto known = fronts_.find(front); known != fronts_.end()) return known->second;
  if (fronts_.size() == replays_by_front::max_fronts) forget_empty();
  for (replays_by_front::front number = 0; number < replays_by_front::max_fronts; ++number) {
    const bool is_taken =
        std::ranges::any_of(fronts_, [&](const auto& item) { return item.second == number; });
    if (is_taken) continue;
    fronts_.emplace(front, number);
    return number;
  }
  return std::nullopt;
}

void shared_replays::clean(std::int64_t cut, std::int64_t lasting_cut) {
  const std::lock_guard lock{others_mutex_};
  if (!is_on()) return;
  others_.clean(cut, lasting_cut, quota());
  forget_empty();
}

/// A front of which nothing is remembered any more makes room for others.
void shared_replays::forget_empty() {
  std::erase_if(fronts_, [this](const auto& item) { return others_.size_of(item.second) == 0; });
}

std::size_t shared_replays::memory() const {
  const std::lock_guard lock{own_mutex_};
  return others_.memory() + own_.size() * sizeof(replay_record);
}

}  // namespace mtp::actors
