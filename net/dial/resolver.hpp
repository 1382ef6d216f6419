// Addresses of hosts, for what dials on one loop: kept for as long as name servers allow, and asked
// for once, however many want to know.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/dial/name_cache.hpp"
#include "net/dial/name_query.hpp"

namespace mtp::net {

struct resolver_options {
  name_query_options query = {};
  /// Names that are asked for at the same time; another one fails at once.
  std::size_t most_in_flight = 64;
  /// Answers that are kept.
  std::size_t most_kept = 256;
};

class name_lookup;

/// Of its loop's thread. Look-ups that are still there when it goes are told nothing.
class resolver {
 public:
  explicit resolver(event_loop& home, resolver_options options = {});
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;
  resolver(resolver&&) = delete;
  resolver& operator=(resolver&&) = delete;
  ~resolver();

  [[nodiscard]] event_loop& home() const noexcept { return *home_; }
  /// The next look-up asks again: the kept answer for the host was of no use.
  void forget(const std::string& host);
  [[nodiscard]] std::size_t in_flight() const noexcept { return flights_.size(); }
  [[nodiscard]] std::size_t kept() const noexcept { return cache_.size(); }

 private:
  friend class name_lookup;

  struct flight {
    std::vector<name_lookup*> waiting;
    std::unique_ptr<name_query> query;
  };

  /// An answer that is known now; else `lookup` gets it later.
  [[nodiscard]] std::optional<name_answer> ask(const std::string& name, name_lookup& lookup);
  /// Gives up the question if no other lookup waits for it.
  void leave(const std::string& name, name_lookup& lookup);
  void land(const std::string& name, name_query::result result);

  event_loop* home_;
  resolver_options options_;
  name_cache cache_;
  std::unordered_map<std::string, flight> flights_;
};

/// One look-up. Of its loop's thread; may be destroyed at any moment, also by its callback.
class name_lookup final : private io_source {
 public:
  using callback = std::function<void(name_answer)>;

  /// `done` is called once, from the loop, never from within this call. `host`: a name, an address,
  /// or an IPv6 address in brackets.
  name_lookup(resolver& names, const std::string& host, callback done);
  name_lookup(const name_lookup&) = delete;
  name_lookup& operator=(const name_lookup&) = delete;
  name_lookup(name_lookup&&) = delete;
  name_lookup& operator=(name_lookup&&) = delete;
  ~name_lookup() override;

 private:
  friend class resolver;

  void on_io(std::uint32_t) override {}
  void on_flush() override;
  void tell_later(name_answer answer);

  event_loop* home_;
  std::string name_;
  callback done_;
  /// Where it waits for a name server.
  resolver* waits_at_ = nullptr;
  std::optional<name_answer> answer_;
};

}  // namespace mtp::net
