#include "actors/link_board.hpp"

#include <algorithm>

namespace mtp::actors {

void link_board::offer(dc_id dc, unsigned reactor, const caf::actor& link,
                       std::shared_ptr<link_load> load) {
  auto& here = shelves_[reactor];
  const std::lock_guard lock{here.mutex};
  here.links[dc].push_back({.link = link, .load = std::move(load)});
}

void link_board::withdraw(dc_id dc, unsigned reactor, const caf::actor& link) {
  auto& here = shelves_[reactor];
  const std::lock_guard lock{here.mutex};
  const auto known = here.links.find(dc);
  if (known == here.links.end()) return;
  std::erase_if(known->second, [&](const offered& one) { return one.link == link; });
  if (known->second.empty()) here.links.erase(known);
}

caf::actor link_board::take(dc_id dc, unsigned reactor, std::size_t full) {
  auto& here = shelves_[reactor];
  const std::lock_guard lock{here.mutex};
  const auto known = here.links.find(dc);
  if (known == here.links.end()) return {};
  const auto least = std::ranges::min_element(
      known->second, {}, [](const offered& one) { return one.load->clients.load(); });
  if (least->load->clients >= full) return {};
  least->load->add_client();
  return least->link;
}

std::vector<caf::actor> link_board::all_of(unsigned reactor) {
  std::vector<caf::actor> out;
  auto& mine = shelves_[reactor];
  const std::lock_guard lock{mine.mutex};
  for (const auto& [dc, links] : mine.links)
    for (const auto& one : links)
      out.push_back(one.link);
  return out;
}

}  // namespace mtp::actors
