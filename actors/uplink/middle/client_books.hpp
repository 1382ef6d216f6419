// Accounts of the clients of a DC connection: how much waits for each client, which clients are too
// slow, and when acks are promised. Pure: no clock, no socket and no actor of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/uplink/credit.hpp"
#include "codecs/node_link/stream_events.hpp"
#include "config/settings.hpp"

namespace mtp::actors {

struct client_account {
  using time_point = std::chrono::steady_clock::time_point;

  /// It takes so little that its waiting bytes and packets are counted apart.
  bool behind = false;
  /// It lives on another reactor.
  bool elsewhere = false;
  /// Sent to the client and not acked.
  std::size_t unacked_bytes = 0;
  std::size_t unacked_packets = 0;
  /// Taken from the client since an ack was last promised to it: less than `ack_step`.
  std::uint32_t unpromised_bytes = 0;
  std::uint32_t unpromised_packets = 0;
  /// Since when something has waited for it without anything being acked.
  time_point waits_since;
  /// Where in the outgoing stream its latest packet ends.
  std::uint64_t sent_until = 0;

  /// Takes a packet from the client that ends at `until` in the outgoing stream. Returns an ack if
  /// enough has come since the last; it is due when the stream has left up to `until`.
  [[nodiscard]] std::optional<stream::ack> take(std::uint32_t size, std::uint64_t until) noexcept {
    sent_until = until;
    unpromised_bytes += size;
    unpromised_packets += 1;
    if (credit_of(unpromised_bytes, unpromised_packets) < ack_step) return std::nullopt;
    return stream::ack{.size = std::exchange(unpromised_bytes, 0),
                       .packets = std::exchange(unpromised_packets, 0)};
  }
  /// Which of the client's own limits is exceeded; empty if none is.
  [[nodiscard]] std::string_view excess(
      const config::client_health_settings& limits) const noexcept {
    if (limits.qlen && unacked_packets > *limits.qlen) return "message_queue_len";
    if (limits.total_mem && credit_of(unacked_bytes, unacked_packets) > *limits.total_mem)
      return "total_memory";
    return {};
  }
};

/// Sums over the clients of a connection.
class client_sums {
 public:
  using time_point = client_account::time_point;

  struct amount {
    std::size_t bytes = 0;
    std::size_t packets = 0;
    friend bool operator==(const amount&, const amount&) = default;
  };

  /// Sent to clients and not acked.
  [[nodiscard]] const amount& unacked() const noexcept { return unacked_; }
  /// The part of `unacked` that waits for clients that are behind.
  [[nodiscard]] const amount& behind() const noexcept { return behind_; }
  /// Clients on other reactors.
  [[nodiscard]] std::size_t elsewhere() const noexcept { return elsewhere_; }

  /// So much was sent to the client.
  void charge(client_account& to, std::size_t size, std::size_t packets, time_point now) noexcept {
    if (to.unacked_packets == 0) to.waits_since = now;
    to.unacked_bytes += size;
    to.unacked_packets += packets;
    unacked_.bytes += size;
    unacked_.packets += packets;
    if (!to.behind) return;
    behind_.bytes += size;
    behind_.packets += packets;
  }
  /// The client claims to have taken so much. The claim may come from another node, so never more
  /// is counted than was sent. When no packets are left, no bytes are: then it is not behind.
  void settle(client_account& from, std::size_t size, std::size_t packets,
              time_point now) noexcept {
    packets = std::min(packets, from.unacked_packets);
    size =
        packets == from.unacked_packets ? from.unacked_bytes : std::min(size, from.unacked_bytes);
    from.waits_since = now;
    from.unacked_bytes -= size;
    from.unacked_packets -= packets;
    unacked_.bytes -= size;
    unacked_.packets -= packets;
    if (!from.behind) return;
    behind_.bytes -= size;
    behind_.packets -= packets;
    from.behind = from.unacked_packets > 0;
  }

  /// The name of the limit that the bytes or packets for clients that keep up exceed; empty if none
  /// is. `clients`: how many clients there are in all. While reading is `paused`, limits are a
  /// quarter lower, so that it does not pause and go on packet by packet.
  [[nodiscard]] std::string_view overflow(const config::backpressure_settings& limits,
                                          std::size_t clients, bool paused) const noexcept;

 protected:
  void add(const client_account& added) noexcept { elsewhere_ += added.elsewhere ? 1 : 0; }
  /// Counts off all that the client had.
  void remove(client_account& gone) noexcept;
  void set_behind(client_account& slow) noexcept;

 private:
  amount unacked_;
  amount behind_;
  std::size_t elsewhere_ = 0;
};

/// `Client` is the connection's own data for a client; the books only keep it.
template <class Client>
class client_books : public client_sums {
 public:
  struct entry {
    Client client;
    client_account account;
  };
  using map = std::unordered_map<stream_id, entry>;
  using iterator = typename map::iterator;
  using const_iterator = typename map::const_iterator;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] iterator begin() noexcept { return entries_.begin(); }
  [[nodiscard]] iterator end() noexcept { return entries_.end(); }
  [[nodiscard]] const_iterator begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return entries_.end(); }
  [[nodiscard]] iterator find(stream_id id) { return entries_.find(id); }

  /// A new client. Requires an `id` that is not in the books: ids are not reused.
  iterator add(stream_id id, Client client, bool elsewhere) {
    const auto added =
        entries_
            .emplace(id, entry{.client = std::move(client), .account = {.elsewhere = elsewhere}})
            .first;
    client_sums::add(added->second.account);
    return added;
  }
  /// The client has gone, with all that waited for it.
  void remove(iterator gone) {
    client_sums::remove(gone->second.account);
    entries_.erase(gone);
  }
  void clear() {
    while (!entries_.empty())
      remove(entries_.begin());
  }

  /// Marks clients that have taken nothing for `patience` as behind: pausing for them would stop
  /// all other clients. Returns how many were marked now.
  std::size_t set_slow_apart(client_account::time_point now,
                             std::chrono::steady_clock::duration patience) {
    std::size_t count = 0;
    for (auto& [id, known] : entries_) {
      auto& account = known.account;
      if (account.behind || account.unacked_packets == 0 || now - account.waits_since < patience)
        continue;
      set_behind(account);
      ++count;
    }
    return count;
  }
  /// The clients to close so that all clients behind have at most `limit` bytes together: those
  /// with the most bytes first.
  [[nodiscard]] std::vector<stream_id> surplus(std::size_t limit) const;

  /// The client for which most waits; `end()` if there is none.
  [[nodiscard]] iterator slowest() {
    return std::ranges::max_element(entries_, {}, [](const auto& item) {
      const auto& account = item.second.account;
      return credit_of(account.unacked_bytes, account.unacked_packets);
    });
  }
  /// Taken from clients but too little for an ack yet, as `credit_of`.
  [[nodiscard]] std::size_t unpromised() const {
    std::size_t sum = 0;
    for (const auto& [id, known] : entries_)
      sum += credit_of(known.account.unpromised_bytes, known.account.unpromised_packets);
    return sum;
  }

 private:
  map entries_;
};

template <class Client>
std::vector<stream_id> client_books<Client>::surplus(std::size_t limit) const {
  std::vector<stream_id> chosen;
  auto left = behind().bytes;
  if (left <= limit) return chosen;
  std::vector<std::pair<std::size_t, stream_id>> slow;
  for (const auto& [id, known] : entries_)
    if (known.account.behind) slow.emplace_back(known.account.unacked_bytes, id);
  std::ranges::sort(slow, std::greater{});
  for (const auto& [size, id] : slow) {
    if (left <= limit) break;
    chosen.push_back(id);
    left -= size;
  }
  return chosen;
}

}  // namespace mtp::actors
