// What clients take comes back, whatever becomes of them.
#include "actors/client/ticket.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "actors/client/admission.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using test::check_property;

TEST_CASE("ticket: what it took is given back at its end") {
  tally connections = 0;
  tally more = 0;
  {
    ticket held{connections};
    held.take(more);
    const ticket another{connections};
    CHECK(connections == 2);
    CHECK(more == 1);
  }
  CHECK(connections == 0);
  CHECK(more == 0);
}

TEST_CASE("ticket: it is given back once, however often it is released or moved from") {
  tally connections = 0;
  ticket held{connections};
  ticket other{std::move(held)};
  CHECK(connections == 1);
  held = std::move(other);
  CHECK(connections == 1);
  held.release();
  held.release();
  CHECK(connections == 0);
  held.take(connections);
  CHECK(connections == 1);
}

TEST_CASE("ticket: one that replaces another gives back what that had, at once") {
  tally first = 0;
  tally second = 0;
  ticket held{first};
  ticket other{second};
  held = std::move(other);
  CHECK(first == 0);
  CHECK(second == 1);
  held = {};
  CHECK(second == 0);
}

/// A port that counts in two ways, and a client of it.
struct counted_port {
  tally connections = 0;
  tally more = 0;
};
struct guest {
  std::shared_ptr<counted_port> port;
  ticket place;
  bool counts_more = false;
};

class ticket_world {
 public:
  ticket_world() {
    for (auto& port : ports_)
      port = std::make_shared<counted_port>();
  }
  void come(std::size_t number) {
    auto& port = ports_[number % ports_.size()];
    guests_.push_back({port, ticket{port->connections}});
  }
  /// As for a hello, and again for the header inside.
  void let_in(std::size_t number) {
    auto* const found = find(number);
    if (found == nullptr) return;
    auto judged = judge({.tls = true}, all_, settings_, std::move(found->place));
    found->place = std::move(std::get<admitted>(judged).taken);
  }
  void turn_away(std::size_t number) {
    auto* const found = find(number);
    if (found == nullptr) return;
    static_cast<void>(
        judge({.error = errc::unknown_protocol}, all_, settings_, std::move(found->place)));
    leave(number);
  }
  void take_more(std::size_t number) {
    auto* const found = find(number);
    if (found == nullptr || found->counts_more) return;
    found->place.take(found->port->more);
    found->counts_more = true;
  }
  void leave(std::size_t number) {
    if (auto* const found = find(number)) guests_.erase(guests_.begin() + (found - guests_.data()));
  }
  void release_and_leave(std::size_t number) {
    if (auto* const found = find(number)) found->place.release();
    leave(number);
  }
  void swap(std::size_t number) {
    if (auto* const found = find(number)) std::swap(*found, guests_.front());
  }
  /// Its clients stay.
  void retire_port(std::size_t number) {
    retired_.push_back(
        std::exchange(ports_[number % ports_.size()], std::make_shared<counted_port>()));
  }
  void end() { guests_.clear(); }

  [[nodiscard]] bool is_right() const {
    const auto is_counted = [this](const std::shared_ptr<counted_port>& port) {
      std::size_t connections = 0;
      std::size_t more = 0;
      for (const auto& guest : guests_) {
        if (guest.port != port) continue;
        ++connections;
        if (guest.counts_more) ++more;
      }
      return port->connections == connections && port->more == more;
    };
    return std::ranges::all_of(ports_, is_counted) && std::ranges::all_of(retired_, is_counted);
  }

 private:
  guest* find(std::size_t number) {
    return guests_.empty() ? nullptr : &guests_[number % guests_.size()];
  }

  config::client_config all_;
  config::port_settings settings_;
  std::array<std::shared_ptr<counted_port>, 3> ports_;
  std::vector<std::shared_ptr<counted_port>> retired_;
  std::vector<guest> guests_;
};

TEST_CASE("ticket: whatever happens in whatever order, all counters come home") {
  using action = void (ticket_world::*)(std::size_t);
  static constexpr std::array<action, 10> actions{
      &ticket_world::come,       &ticket_world::come,      &ticket_world::come,
      &ticket_world::let_in,     &ticket_world::turn_away, &ticket_world::take_more,
      &ticket_world::leave,      &ticket_world::swap,      &ticket_world::release_and_leave,
      &ticket_world::retire_port};
  check_property([] {
    ticket_world world;
    const auto steps = *rc::gen::container<std::vector<std::pair<std::size_t, std::size_t>>>(
        rc::gen::pair(rc::gen::inRange<std::size_t>(0, actions.size()),
                      rc::gen::inRange<std::size_t>(0, 100)));
    for (const auto& [act, number] : steps) {
      (world.*actions[act])(number);
      RC_ASSERT(world.is_right());
    }
    world.end();
    RC_ASSERT(world.is_right());
  });
}

}  // namespace
}  // namespace mtp::actors
