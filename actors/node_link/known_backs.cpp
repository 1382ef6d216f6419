#include "actors/node_link/known_backs.hpp"

#include <algorithm>

namespace mtp::actors {

std::string to_string(const known_back& back) {
  return back.address ? to_string(*back.address) : "inside this process";
}

std::optional<known_back> known_backs::find(std::size_t place) const {
  const auto known = list_.get();
  const auto found = std::ranges::find(*known, place, &known_back::place);
  return found != known->end() ? std::optional{*found} : std::nullopt;
}

known_backs::list known_backs::follow(const config::settings& wanted) {
  std::vector<std::optional<config::back_address>> addresses{wanted.link.back_nodes.begin(),
                                                             wanted.link.back_nodes.end()};
  if (wanted.process.role != config::node_role::front) addresses.assign(1, std::nullopt);
  const std::lock_guard lock{mutex_};
  auto rest = *list_.get();
  list next;
  list fresh;
  for (const auto& address : addresses) {
    const auto known = std::ranges::find(rest, address, &known_back::address);
    if (known != rest.end()) {
      next.push_back({.place = known->place, .address = address});
      rest.erase(known);
    } else {
      next.push_back({.place = next_place_++, .address = address});
      fresh.push_back(next.back());
    }
  }
  for (auto& left : rest) {
    left.is_leaving = true;
    next.push_back(std::move(left));
  }
  list_.set(std::make_shared<const list>(std::move(next)));
  return fresh;
}

bool known_backs::forget(std::size_t place) {
  const std::lock_guard lock{mutex_};
  auto next = *list_.get();
  const auto removed =
      std::erase_if(next, [&](const auto& back) { return back.place == place && back.is_leaving; });
  if (removed == 0) return false;
  list_.set(std::make_shared<const list>(std::move(next)));
  return true;
}

}  // namespace mtp::actors
