#include "actors/client/client_status.hpp"

namespace mtp::actors {

void count_clients(client_overview& into, const client_group& group, std::size_t count) {
  const auto known = into.groups.find(group);
  if (known != into.groups.end())
    known->second += count;
  else if (into.groups.size() < max_client_groups)
    into.groups.emplace(group, count);
  else
    into.ungrouped += count;
}

}  // namespace mtp::actors
