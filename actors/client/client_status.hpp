// Reports about the clients of a reactor, for inspection. No secrets.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/base/address.hpp"
#include "codecs/telegram/dc_list.hpp"

namespace mtp::actors {

/// The properties by which clients are counted.
struct client_group {
  std::string listener;
  /// As in metrics, or empty while it is not known. A literal.
  std::string_view protocol;
  /// The DC that it asked for.
  std::optional<dc_id> dc;
  /// handshake, opening, migrating, tunnel, closing. A literal.
  std::string_view stage;

  friend auto operator<=>(const client_group&, const client_group&) = default;
};

struct client_status {
  client_group group;
  endpoint peer;
  std::chrono::seconds age{0};
  /// Since it sent or was sent anything.
  std::chrono::seconds idle{0};
  /// Bytes for it that have not left us.
  std::size_t queued = 0;
  /// Sent to its DC connection and not acked, as `credit_of`.
  std::size_t outstanding = 0;
};

/// Message (request) to client_roster: replies with a `client_overview`. All of the reactor's
/// clients are looked at in one go, which takes it milliseconds if they are tens of thousands.
struct list_clients {
  /// How many to list one by one.
  std::size_t limit = 0;
};
struct client_overview {
  std::size_t total = 0;
  std::map<client_group, std::size_t> groups;
  /// Clients in none of the groups: groups are limited, as clients may name any DC.
  std::size_t ungrouped = 0;
  /// The oldest clients.
  std::vector<client_status> clients;
};

/// Groups of one overview at the most.
inline constexpr std::size_t max_client_groups = 200;

/// Adds `count` clients to their group, or to `ungrouped` if there are too many groups.
void count_clients(client_overview& into, const client_group& group, std::size_t count);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::list_clients)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::client_overview)
