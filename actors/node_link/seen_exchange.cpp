#include "actors/node_link/seen_exchange.hpp"

#include <algorithm>

#include "codecs/node_link/seen_batch.hpp"

namespace mtp::actors {

std::size_t seen_exchange::add(const std::string& front, std::uint64_t process,
                               std::span<const replay_record> handshakes, time_point now,
                               const predicate& is_linked) {
  auto known = told_.find(front);
  if (known == told_.end()) {
    if (!make_room(is_linked)) return handshakes.size();
    known = told_.emplace(front, told{.latest = {}, .last = now}).first;
  }
  auto& [latest, allowance, last] = known->second;
  const std::chrono::duration<double> passed = now - std::exchange(last, now);
  allowance = std::min<double>(allowance + passed.count() * handshakes_per_second, seen_ring_size);
  const auto taken = std::min(handshakes.size(), static_cast<std::size_t>(allowance));
  allowance -= static_cast<double>(taken);
  for (const auto& handshake : handshakes.first(taken))
    latest.add({.seen = handshake, .process = process});
  return handshakes.size() - taken;
}

/// Of the fronts without a session the one that was silent for longest goes.
bool seen_exchange::make_room(const predicate& is_linked) {
  if (told_.size() < max_fronts) return true;
  auto oldest = told_.end();
  for (auto at = told_.begin(); at != told_.end(); ++at)
    if (!is_linked(at->first) && (oldest == told_.end() || at->second.last < oldest->second.last))
      oldest = at;
  if (oldest == told_.end()) return false;
  forget_if([gone = oldest->first](const std::string& front) { return front == gone; });
  return true;
}

void seen_exchange::forget(time_point now, const predicate& is_linked,
                           const predicate& is_allowed) {
  forget_if([&](const std::string& front) {
    const bool is_gone = !is_linked(front) && now - told_.at(front).last > memory_of_gone;
    return is_gone || !is_allowed(front);
  });
}

/// Their places begin anew if they come back.
void seen_exchange::forget_if(const predicate& goes) {
  for (const auto& front : fronts()) {
    if (!goes(front)) continue;
    told_.erase(front);
    for (auto& [session, to] : readers_) {
      const auto of = to.of.find(front);
      if (of == to.of.end()) continue;
      of->second.at.reset();
      if (!of->second.is_under_way) to.of.erase(of);
    }
  }
}

void seen_exchange::join(std::uint64_t session, std::uint64_t process) {
  auto& to = readers_[session];
  if (std::exchange(to.is_joined, true)) return;
  to.process = process;
  // A batch that is under way stays so: joining again and again brings no more at a time.
  for (auto& [front, of] : to.of)
    of.at.reset();
}

void seen_exchange::leave(std::uint64_t session) {
  if (const auto known = readers_.find(session); known != readers_.end())
    known->second.is_joined = false;
}

std::optional<seen_exchange::batch> seen_exchange::next(std::uint64_t session,
                                                        const std::string& front) {
  const auto to = readers_.find(session);
  const auto from = told_.find(front);
  if (to == readers_.end() || from == told_.end() || !to->second.is_joined) return std::nullopt;
  auto& of = to->second.of[front];
  if (of.is_under_way) return std::nullopt;
  const auto& latest = from->second.latest;
  batch found;
  while (found.handshakes.empty()) {
    const auto piece = latest.read(of.at.value_or(latest.begin()), max_seen_records);
    if (piece.handshakes.empty()) return std::nullopt;
    of.at = piece.next;
    found.missed += piece.missed;
    for (const auto& [seen, process] : piece.handshakes)
      if (process != to->second.process) found.handshakes.push_back(seen);
  }
  of.is_under_way = true;
  return found;
}

void seen_exchange::confirm(std::uint64_t session, const std::string& front) {
  const auto to = readers_.find(session);
  if (to == readers_.end()) return;
  const auto of = to->second.of.find(front);
  if (of == to->second.of.end()) return;
  of->second.is_under_way = false;
  if (!told_.contains(front)) to->second.of.erase(of);
}

std::vector<std::string> seen_exchange::fronts() const {
  std::vector<std::string> names;
  names.reserve(told_.size());
  for (const auto& [front, of] : told_)
    names.push_back(front);
  return names;
}

std::vector<std::uint64_t> seen_exchange::readers() const {
  std::vector<std::uint64_t> sessions;
  for (const auto& [session, to] : readers_)
    if (to.is_joined) sessions.push_back(session);
  return sessions;
}

}  // namespace mtp::actors
