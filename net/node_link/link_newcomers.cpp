#include "net/node_link/link_newcomers.hpp"

namespace mtp::net {

bool link_newcomers::can_take_more() {
  const auto is_overrun = [this] { return all_.size() >= places_.size() + limits_.in_all; };
  if (is_overrun()) tidy();
  return !is_overrun();
}

link_newcomers::session_ptr link_newcomers::add(session_ptr fresh, time_point now) {
  auto& added = all_.emplace_back(std::move(fresh), now + patience_);
  auto* const holder = places_.add(added);
  if (holder == nullptr) return nullptr;
  auto& leaver = static_cast<newcomer&>(*holder);
  if (!is_over(leaver)) return take_place(leaver);
  // It needs none any more.
  places_.remove(leaver);
  return nullptr;
}

std::vector<link_newcomers::session_ptr> link_newcomers::take_overdue(time_point now) {
  tidy();
  std::vector<session_ptr> overdue;
  for (auto& waiting : all_)
    if (!waiting.leaves && waiting.until <= now) overdue.push_back(take_place(waiting));
  return overdue;
}

std::size_t link_newcomers::size() {
  tidy();
  return places_.size();
}

/// It has joined or ended.
bool link_newcomers::is_over(const newcomer& waiting) const {
  return waiting.session->ended() || has_joined_(*waiting.session);
}

void link_newcomers::tidy() {
  for (auto at = all_.begin(); at != all_.end();) {
    const auto entry = at++;
    if (!is_over(*entry)) continue;
    places_.remove(*entry);
    all_.erase(entry);
  }
}

link_newcomers::session_ptr link_newcomers::take_place(newcomer& from) {
  places_.remove(from);
  from.leaves = true;
  return from.session;
}

}  // namespace mtp::net
