#include "actors/client/client_memory.hpp"

#include <algorithm>

#include "actors/client/client_conn.hpp"

namespace mtp::actors {

void client_memory::take_stock(std::size_t at_least) {
  stock_.clear();
  clients_->for_each([&](client_conn& client) {
    if (client.held() >= at_least) stock_.emplace_back(client.held(), &client);
  });
  std::ranges::sort(stock_, {}, [](const auto& entry) { return entry.first; });
}

std::size_t client_memory::largest_held() const {
  return stock_.empty() ? 0 : stock_.back().first;
}

std::size_t client_memory::drop_largest() {
  if (stock_.empty()) return 0;
  const auto [held, client] = stock_.back();
  stock_.pop_back();
  client->run_as_handler([client = client] { client->drop(); });
  return held;
}

}  // namespace mtp::actors
