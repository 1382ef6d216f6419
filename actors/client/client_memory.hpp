// A reactor's clients, as its memory_guard sees them.
#pragma once

#include <utility>
#include <vector>

#include "actors/client/client_list.hpp"
#include "actors/core/memory_holder.hpp"

namespace mtp::actors {

class client_memory final : public memory_holder {
 public:
  explicit client_memory(const client_list& clients) : clients_{&clients} {}

  void take_stock(std::size_t at_least) override;
  [[nodiscard]] std::size_t largest_held() const override;
  std::size_t drop_largest() override;

 private:
  const client_list* clients_;
  /// The bytes that each client held when stock was taken, ascending.
  std::vector<std::pair<std::size_t, client_conn*>> stock_;
};

}  // namespace mtp::actors
