// A model of the pool, the twin of the original's prop_mtp_statefull: clients come, go and die;
// connections come, die and rotate; endpoints fail; time passes. The pool and its connections are
// the real ones; clients behave as client_conn does; middle proxies are moved by the test.
#include "tests/actors/uplink/dc_pool_model_steps.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {

constexpr std::array<const char*, 16> action_names{
    "come",      "leave",          "die",    "come_and_leave", "reserve",        "let_go",
    "come_late", "become_ready",   "fail",   "rotate",         "close_unserved", "kill_conn",
    "go_silent", "stop_listening", "listen", "pass_time"};

std::ostream& operator<<(std::ostream& output, const step& shown) {
  return output << action_names[static_cast<std::size_t>(shown.kind)] << ' ' << shown.pick
                << (shown.at_once ? " and at once" : "");
}

namespace {

rc::Gen<step> any_step() {
  const auto kinds = rc::gen::weightedElement<action>({{12, action::come},
                                                       {5, action::leave},
                                                       {3, action::die},
                                                       {2, action::come_and_leave},
                                                       {3, action::reserve},
                                                       {2, action::let_go},
                                                       {2, action::come_late},
                                                       {9, action::become_ready},
                                                       {2, action::fail},
                                                       {3, action::rotate},
                                                       {1, action::close_unserved},
                                                       {2, action::kill_conn},
                                                       {1, action::go_silent},
                                                       {1, action::stop_listening},
                                                       {2, action::listen},
                                                       {5, action::pass_time}});
  return rc::gen::build<step>(
      rc::gen::set(&step::kind, kinds), rc::gen::set(&step::pick, rc::gen::inRange(0U, 30U)),
      rc::gen::set(&step::at_once, rc::gen::weightedElement<bool>({{3, false}, {1, true}})));
}

TEST_CASE("pool, model: whoever comes, goes and dies, counts agree and nobody is forgotten") {
  test::check_property(
      [] {
        const auto init = *rc::gen::inRange<std::size_t>(0, 4);
        const auto steps = *rc::gen::container<std::vector<step>>(any_step());
        play(init, steps);
      },
      3);
}

}  // namespace
}  // namespace mtp::actors
