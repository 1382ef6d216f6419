// Sessions with fronts, from the hello that was accepted to their end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/node_link/back_agent.hpp"
#include "actors/node_link/link_gateway.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Fronts that are linked at once.
constexpr std::size_t max_sessions = 1000;
/// Clocks that differ more are mentioned: Telegram allows 30 s.
constexpr auto noticeable_skew = 30s;

}  // namespace

void link_gateway_state::open(visit& visitor) {
  const auto& hello = *visitor.hello;
  end_earlier(hello, visitor.session_actor);
  if (sessions.size() + openings.size() >= max_sessions) return refuse(visitor, "too many fronts");
  const auto sup = side->core.names.find(names::back_agent_sup);
  if (sup == nullptr) return refuse(visitor, "the back is restarting");
  const auto ahead = std::chrono::seconds{hello.clock} - std::chrono::seconds{net::unix_time()};
  if (ahead > noticeable_skew || ahead < -noticeable_skew)
    tell(spdlog::level::warn, hello.name,
         fmt::format("front {}: its clock is {} s ahead of ours", hello.name, ahead.count()));
  self->monitor(visitor.session_actor);
  const auto& fronts = visitor.fronts;
  opening begun{.made = {.hello = hello,
                         .terms = common_terms(hello.offer, link_offer{}).value(),
                         .session_actor = visitor.session_actor,
                         .back = agents(fronts.size()),
                         .clock_ahead = ahead,
                         .since = self->clock().now()},
                .missing = fronts.size(),
                .promise = visitor.promise};
  const auto number = hello.session;
  openings.emplace(number, std::move(begun));
  for (std::size_t i = 0; i < fronts.size(); ++i) {
    const auto home = static_cast<unsigned>(i % side->core.reactors.size());
    start_child order{
        .id = {},
        .start = back_agent_start{
            .side = side,
            .options = {.session = number, .front = fronts[i], .gateway = caf::actor{self}},
            .reactor = home}};
    // No time-out: a supervisor answers at once, or has ended. A late agent would belong to no
    // session.
    self->request(sup, caf::infinite, std::move(order))
        .then([this, number, i](const caf::actor& agent) { agent_started(number, i, agent); },
              [this, number](const caf::error&) { opening_failed(number); });
  }
}

/// Sessions of the same process. What it calls itself is its own claim; CAF's name for it is not.
void link_gateway_state::end_earlier(const link_hello& hello, const caf::actor& session_actor) {
  const auto same = [&, node = session_actor.node()](const session& other) {
    const bool same_node = node != self->node() && other.session_actor.node() == node;
    return other.hello.node == hello.node || same_node;
  };
  for (auto at = sessions.begin(); at != sessions.end();) {
    const auto entry = at++;
    if (same(entry->second)) end_session(entry, "it begins another one");
  }
  std::vector<std::uint64_t> old;
  for (const auto& [number, pending] : openings)
    if (same(pending.made)) old.push_back(number);
  for (const auto number : old)
    opening_failed(number);
}

void link_gateway_state::agent_started(std::uint64_t number, std::size_t place,
                                       const caf::actor& agent) {
  const auto found = openings.find(number);
  if (found == openings.end()) {
    caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
    return;
  }
  auto& [made, missing, promise] = found->second;
  made.back[place] = agent;
  if (--missing > 0) return;
  tell(spdlog::level::info, made.hello.name,
       fmt::format("front {} is connected (build {}, {} reactors){}", made.hello.name,
                   made.hello.build, made.back.size(), describe_age(made.hello.offer, made.terms)));
  auto welcome = make_answer(link_answer::kind::welcome, made.hello.offer);
  const auto cookie = side->settings()->node_link.cluster_cookie;
  if (!cookie.empty()) welcome.proof = prove_back(as_bytes(cookie), made.hello, welcome);
  answer(made.session_actor, promise, welcome, made.back);
  sessions.insert_or_assign(number, std::move(made));
  openings.erase(found);
}

void link_gateway_state::opening_failed(std::uint64_t number) {
  const auto found = openings.find(number);
  if (found == openings.end()) return;
  for (const auto& agent : found->second.made.back)
    caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
  self->demonitor(found->second.made.session_actor);
  answer(found->second.made.session_actor, found->second.promise,
         make_answer(link_answer::kind::refused, found->second.made.hello.offer,
                     "the back is stopping"));
  openings.erase(found);
}

void link_gateway_state::end_session(session_map::iterator entry, std::string_view why,
                                     spdlog::level::level_enum level) {
  const auto& front = entry->second.hello.name;
  tell(level, front, fmt::format("front {}: its session ends: {}", front, why));
  self->demonitor(entry->second.session_actor);
  for (const auto& agent : entry->second.back)
    caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
  seen.end(entry->first);
  sessions.erase(entry);
}

void link_gateway_state::say_farewell(const session& ended, std::uint64_t number,
                                      const std::string& why) {
  if (ended.terms.has(link_capability::farewell))
    caf::anon_send(ended.session_actor, link_bye_atom::value, number, why);
}

void link_gateway_state::say_farewells() {
  for (const auto& [number, ended] : sessions)
    say_farewell(ended, number, "the back is stopping");
}

void link_gateway_state::tell(spdlog::level::level_enum level, const std::string& front,
                              const std::string& event) {
  if (const auto line = events.tell(front, event, self->clock().now()))
    spdlog::log(level, "{}", *line);
}

void link_gateway_state::handle_down(const caf::down_msg& down) {
  std::erase_if(challenges, [&](const auto& sent) { return sent.first == down.source; });
  for (auto at = sessions.begin(); at != sessions.end();) {
    const auto entry = at++;
    if (entry->second.session_actor == down.source) end_session(entry, "it is gone");
  }
  std::vector<std::uint64_t> lost;
  for (const auto& [number, pending] : openings)
    if (pending.made.session_actor == down.source) lost.push_back(number);
  for (const auto number : lost)
    opening_failed(number);
}

std::vector<front_status> link_gateway_state::fronts() const {
  std::vector<front_status> statuses;
  const auto now = self->clock().now();
  for (const auto& [number, opened] : sessions)
    statuses.push_back({.name = opened.hello.name,
                        .build = opened.hello.build,
                        .session = number,
                        .agents = opened.back.size(),
                        .age = std::chrono::duration_cast<std::chrono::seconds>(now - opened.since),
                        .clock_ahead = opened.clock_ahead,
                        .other_versions = describe_other_versions(opened.hello.offer)});
  std::ranges::stable_sort(statuses, {}, &front_status::name);
  return statuses;
}

}  // namespace mtp::actors
