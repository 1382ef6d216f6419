// Whatever becomes of a reservation, the load that it counted in is right again.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "tests/actors/uplink/dc_conn_fixture.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

static_assert(!std::is_copy_constructible_v<reservation>);
static_assert(std::is_nothrow_move_constructible_v<reservation>);
static_assert(sizeof(reservation) <= 3 * sizeof(void*));

struct fixture : conn_fixture {
  reservation reserve() { return reservation{conn, counted_client{load}}; }
  open_stream order_of(stream_id id) {
    return {.stream = id, .client = clients.handle(), .request = {.dc = tested_dc, .client = {}}};
  }
  /// A client asks, as client_conn does; `node.settle` has the connection take the request.
  void ask(stream_id id, reservation reserved) {
    auto order = order_of(id);
    const auto asked = std::move(reserved).redeem(order);
    node.system().spawn([&, this](caf::event_based_actor* self) {
      self->request(asked, caf::infinite, std::move(order))
          .then([] {}, [this](const caf::error&) { ++failures; });
    });
    // Its first turn, in which it asks.
    node.scheduler().run_once();
  }
  std::size_t failures = 0;
};

TEST_CASE("reservation: empty, there is nobody to ask and nothing to give back") {
  const reservation none;
  CHECK_FALSE(none);
  const reservation nobody{caf::actor{}};
  CHECK_FALSE(nobody);
}

TEST_CASE_FIXTURE(fixture, "reservation: dropped, it gives its count back") {
  make_ready();
  {
    auto reserved = reserve();
    CHECK(reserved);
    CHECK(load->clients == 1);
    const reservation moved{std::move(reserved)};
    CHECK(load->clients == 1);
  }
  CHECK(load->clients == 0);
  auto reserved = reserve();
  reserved = {};
  CHECK(load->clients == 0);
}

TEST_CASE_FIXTURE(fixture, "reservation: used, its client is counted until it leaves") {
  make_ready();
  auto reserved = reserve();
  ask(1, std::move(reserved));
  CHECK_FALSE(reserved);
  CHECK(load->clients == 1);
  node.settle();
  CHECK(clients.all<stream_opened>().size() == 1);
  CHECK(load->clients == 1);
  tell(1, stream::close{});
  CHECK(load->clients == 0);
  CHECK(failures == 0);
}

TEST_CASE_FIXTURE(fixture, "reservation: a request that is never sent gives the count back") {
  make_ready();
  {
    auto order = order_of(1);
    static_cast<void>(reserve().redeem(order));
    CHECK(load->clients == 1);
  }
  CHECK(load->clients == 0);
}

TEST_CASE_FIXTURE(fixture, "reservation: used when the connection is dying") {
  make_ready();
  add_client(7);
  auto reserved = reserve();
  dc.close();
  node.settle();
  // Its client has been released, this one is not here yet.
  CHECK(load->clients == 1);
  ask(1, std::move(reserved));
  node.settle();
  CHECK(frames().back() == frame_to_client{1, stream::migrate{}});
  CHECK(load->clients == 0);
  CHECK(failures == 0);
}

TEST_CASE_FIXTURE(fixture, "reservation: used when the connection has ended") {
  make_ready();
  auto reserved = reserve();
  caf::anon_send_exit(conn, caf::exit_reason::kill);
  node.settle();
  CHECK(load->clients == 1);
  SUBCASE("as a request, which fails") {
    ask(1, std::move(reserved));
    node.settle();
    CHECK(failures == 1);
  }
  SUBCASE("by a client that has gone meanwhile") {
    auto order = order_of(1);
    const auto asked = std::move(reserved).redeem(order);
    caf::anon_send(asked, std::move(order));
    node.settle();
  }
  CHECK(load->clients == 0);
}

TEST_CASE_FIXTURE(fixture, "reservation: the connection ends as the request comes") {
  make_ready();
  add_client(7);
  std::size_t lost = 0;
  // It has not seen either when the other one comes.
  SUBCASE("behind its end") {
    caf::anon_send_exit(conn, caf::exit_reason::kill);
    ask(1, reserve());
    lost = 1;
  }
  SUBCASE("before it") {
    ask(1, reserve());
    caf::anon_send_exit(conn, caf::exit_reason::kill);
  }
  CHECK(load->clients == 2);
  node.settle();
  CHECK(conn_ended);
  CHECK(failures == lost);
  CHECK(clients.all<stream_opened>().size() == 2 - lost);
  CHECK(load->clients == 0);
}

TEST_CASE_FIXTURE(fixture, "reservation: cancelled, whether or not the stream was opened") {
  make_ready();
  ask(1, reserve());
  caf::anon_send(conn, cancel_stream{1});
  node.settle();
  CHECK(load->clients == 0);
}

/// Reservations and requests of clients, and the connections that take them on, without actors.
class load_world {
 public:
  load_world() {
    for (auto& load : loads_)
      load = std::make_shared<dc_conn_load>();
  }
  void reserve(std::size_t number) {
    const auto& load = loads_[number % loads_.size()];
    reserved_.push_back({.load = load, .count = counted_client{load}});
  }
  void drop(std::size_t number) { take(reserved_, number); }
  void replace(std::size_t number) {
    if (reserved_.size() < 2) return;
    auto gone = take(reserved_, number);
    auto& other = reserved_[number % reserved_.size()];
    other = std::move(gone);
  }
  void send(std::size_t number) {
    if (!reserved_.empty()) sent_.push_back(take(reserved_, number));
  }
  /// As CAF may, when several actors share a message.
  void copy_message(std::size_t number) {
    if (!sent_.empty()) sent_.push_back(sent_[number % sent_.size()]);
  }
  void lose_message(std::size_t number) { take(sent_, number); }
  void arrive(std::size_t number) {
    if (sent_.empty()) return;
    auto order = take(sent_, number);
    order.count.keep();
    clients_.push_back(std::move(order.load));
  }
  void leave(std::size_t number) {
    if (clients_.empty()) return;
    const auto gone = clients_.begin() + static_cast<std::ptrdiff_t>(number % clients_.size());
    --(*gone)->clients;
    clients_.erase(gone);
  }
  /// The connection ends: its clients are released. What is on its way keeps the load alive.
  void end_conn(std::size_t number) {
    auto& load = loads_[number % loads_.size()];
    load->clients -= static_cast<std::size_t>(std::erase(clients_, load));
    ended_.push_back(std::exchange(load, std::make_shared<dc_conn_load>()));
  }
  void end() {
    reserved_.clear();
    sent_.clear();
    while (!clients_.empty())
      leave(0);
  }

  [[nodiscard]] bool is_right() const {
    const auto is_counted = [this](const std::shared_ptr<dc_conn_load>& load) {
      const auto counted = std::ranges::count(reserved_, load, &counted_order::load) +
                           std::ranges::count(sent_, load, &counted_order::load) +
                           std::ranges::count(clients_, load);
      return load->clients == static_cast<std::size_t>(counted);
    };
    return std::ranges::all_of(loads_, is_counted) && std::ranges::all_of(ended_, is_counted);
  }

 private:
  struct counted_order {
    std::shared_ptr<dc_conn_load> load;
    counted_client count;
  };

  static counted_order take(std::vector<counted_order>& from, std::size_t number) {
    if (from.empty()) return {};
    const auto chosen = from.begin() + static_cast<std::ptrdiff_t>(number % from.size());
    auto gone = std::move(*chosen);
    from.erase(chosen);
    return gone;
  }

  std::array<std::shared_ptr<dc_conn_load>, 3> loads_;
  std::vector<std::shared_ptr<dc_conn_load>> ended_;
  std::vector<counted_order> reserved_;
  std::vector<counted_order> sent_;
  std::vector<std::shared_ptr<dc_conn_load>> clients_;
};

TEST_CASE("reservation: whatever happens in whatever order, all counts come home") {
  using action = void (load_world::*)(std::size_t);
  static constexpr std::array<action, 11> actions{
      &load_world::reserve, &load_world::reserve,      &load_world::reserve,
      &load_world::drop,    &load_world::replace,      &load_world::send,
      &load_world::arrive,  &load_world::copy_message, &load_world::lose_message,
      &load_world::leave,   &load_world::end_conn};
  test::check_property([] {
    load_world world;
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
