// An uplink that sends every client the same way.
#pragma once

#include <optional>

#include "actors/uplink/uplink.hpp"

namespace mtp::test {

struct fixed_uplink final : actors::uplink {
  [[nodiscard]] tl::expected<actors::reservation, refusal> reserve(const stream::open&,
                                                                   unsigned) override {
    if (refuses) return tl::unexpected{*refuses};
    if (to == nullptr) return {};
    return actors::reservation{
        to, load != nullptr ? actors::counted_client{load} : actors::counted_client{}};
  }

  /// Null: no actor can be asked yet.
  caf::actor to;
  std::optional<refusal> refuses;
  /// Of a dc_conn; null for other actors.
  std::shared_ptr<actors::dc_conn_load> load;
};

}  // namespace mtp::test
