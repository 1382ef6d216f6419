#include "actors/node_link/link_gateway.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/node_link/back_agent.hpp"
#include "actors/node_link/link_listener.hpp"
#include "codecs/base/text.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// As many reactors as a process may have.
constexpr std::size_t max_agents = 256;
/// Lines of consoles that are answered at once, and bytes of an answer: it travels in one message.
constexpr std::size_t max_questions = 2;
constexpr std::size_t longest_answer = std::size_t{512} * 1024;
/// Fronts that are linked at once.
constexpr std::size_t max_sessions = 1000;
/// Fronts that are being asked for their cookie at once.
constexpr std::size_t max_challenges = 256;
/// Nodes whose hellos are under way at once.
constexpr std::size_t max_visitors = 256;
/// For the listener to tell a front's name. A front waits 10 s for all of the answer.
constexpr auto name_patience = 6s;
/// Clocks that differ more are mentioned: Telegram allows 30 s.
constexpr auto noticeable_skew = 30s;

std::string encoded(const link_answer& answer) {
  return std::string{as_text(encode_link_answer(answer))};
}

}  // namespace

link_answer link_gateway_state::make_answer(link_answer::kind what, const link_offer& theirs,
                                            std::string reason) const {
  return {.offer = theirs == old_link_offer ? old_link_offer : link_offer{},
          .verdict = what,
          .build = side->core.build,
          .reason = std::move(reason),
          .name = side->own_name(),
          .node = side->core.node_id,
          .clock = net::unix_time(),
          .nonce = {},
          .proof = {}};
}

// -- hello --------------------------------------------------------------------------------------

link_gateway_state::reply link_gateway_state::handle_hello(const std::string& text,
                                                           agents& fronts) {
  auto hello = decode_link_hello(as_bytes(text));
  visit who{.hello = hello ? std::optional{std::move(*hello)} : std::nullopt,
            .fronts = std::move(fronts),
            .keeper = caf::actor_cast<caf::actor>(self->current_sender()),
            .promise = self->make_response_promise(),
            .proven = {}};
  // Each costs a question to the listener and CAF's broker, and up to 256 agents: none of these
  // queues grows with what a front says before it has its answer.
  const auto turn_away = [&](const std::string& why) {
    tell_refused(who, why);
    who.promise.deliver(encoded(make_answer(link_answer::kind::refused, who.offer(), why)),
                        agents{});
    return caf::delegated<std::string, agents>{};
  };
  if (who.keeper != nullptr) {
    if (visitors.contains(who.keeper.node())) return turn_away("its last hello has no answer yet");
    if (visitors.size() >= max_visitors) return turn_away("the back is busy with other fronts");
    visitors.insert(who.keeper.node());
  }
  const auto settings = side->core.config.get();
  const bool has_names = settings->role == config::node_role::back &&
                         settings->node_link.security == config::link_security::tls;
  if (has_names && who.keeper != nullptr)
    find_name(std::move(who));
  else
    decide(who);
  return caf::delegated<std::string, agents>{};
}

void link_gateway_state::find_name(visit which) {
  const auto listener = side->core.names.find(names::link_listener);
  if (listener == nullptr) return refuse(which, "the back is restarting");
  const get_proven_name question{which.keeper.node()};
  const auto who = std::make_shared<visit>(std::move(which));
  self->request(listener, name_patience, question)
      .then(
          [this, who](std::string& found) {
            if (found.empty()) return refuse(*who, "its connection is gone");
            who->proven = std::move(found);
            decide(*who);
          },
          [this, who](const caf::error&) { refuse(*who, "the back is restarting"); });
}

void link_gateway_state::decide(visit& which) {
  if (!which.hello || which.keeper == nullptr) return refuse(which, "the hello can't be read");
  const auto& hello = *which.hello;
  // Its word for our version is old, or not ours. In no older form, and not worth a line.
  if (hello.offer == old_link_offer && is_fallback(hello.nonce))
    return answer(which.keeper, which.promise,
                  make_answer(link_answer::kind::refused, link_offer{},
                              "the back speaks more than link version 3, which somebody denied"));
  auto why = judge(which);
  if (!why.empty()) return refuse(which, why);
  if (!side->core.config.get()->node_link.cluster_cookie.empty() && hello.proof == link_proof{})
    return challenge(which);
  why = judge_proof(which);
  if (!why.empty()) return refuse(which, why);
  open(which);
}

void link_gateway_state::tell_refused(const visit& which, const std::string& why) {
  std::string_view who = which.hello ? which.hello->name : std::string_view{};
  if (which.proven) who = *which.proven;
  // It tries again every few seconds.
  if (const auto line =
          refusals.tell(fmt::format("front {} is refused: {}", who.empty() ? "?" : who, why),
                        self->clock().now()))
    spdlog::warn("{}", *line);
}

void link_gateway_state::refuse(const visit& which, const std::string& why) {
  tell_refused(which, why);
  answer(which.keeper, which.promise, make_answer(link_answer::kind::refused, which.offer(), why));
}

void link_gateway_state::answer(const caf::actor& keeper, caf::response_promise promise,
                                const link_answer& what, agents back) {
  if (keeper != nullptr) visitors.erase(keeper.node());
  promise.deliver(encoded(what), std::move(back));
}

std::string link_gateway_state::judge(const visit& which) const {
  const auto& hello = *which.hello;
  if (!common_terms(hello.offer, link_offer{}))
    return fmt::format(
        "link versions differ: the front's is {} (build {}), the back's {} (build {}); use the "
        "same build on both",
        describe_versions(hello.offer), hello.build, describe_versions(link_offer{}),
        side->core.build);
  if (which.proven && hello.name != *which.proven)
    return fmt::format(R"(the front calls itself "{}", but its certificate says "{}")", hello.name,
                       *which.proven);
  const bool has_cookie = !side->core.config.get()->node_link.cluster_cookie.empty();
  if (hello.has_cookie != has_cookie)
    return fmt::format("only the {} has a cluster_cookie", has_cookie ? "back" : "front");
  if (which.fronts.empty() || which.fronts.size() > max_agents ||
      std::ranges::any_of(which.fronts, [](const auto& one) { return one == nullptr; }))
    return "it has no agents, or too many";
  if (hello.node == side->core.node_id && side->core.config.get()->role != config::node_role::both)
    return "it is this process itself";
  if (sessions.contains(hello.session) || openings.contains(hello.session) || hello.session == 0)
    return "its session is not a new one";
  return {};
}

std::string link_gateway_state::judge_proof(const visit& which) {
  const auto cookie = side->core.config.get()->node_link.cluster_cookie;
  if (cookie.empty()) return {};
  const auto given = std::ranges::find(challenges, which.keeper.address(),
                                       [](const auto& one) { return one.first; });
  if (given == challenges.end()) return "the proof of cluster_cookie was not asked for";
  const auto nonce = given->second;
  challenges.erase(given);
  if (!equal_constant_time(which.hello->proof, prove_front(as_bytes(cookie), nonce, *which.hello)))
    return "cluster_cookie differs";
  return {};
}

void link_gateway_state::challenge(const visit& which) {
  const auto who = which.keeper.address();
  std::erase_if(challenges, [&](const auto& one) { return one.first == who; });
  if (challenges.size() >= max_challenges) challenges.erase(challenges.begin());
  auto question = make_answer(link_answer::kind::challenge, which.offer());
  question.nonce = net::random_array<question.nonce.size()>();
  challenges.emplace_back(who, question.nonce);
  answer(which.keeper, which.promise, question);
}

// -- sessions -----------------------------------------------------------------------------------

void link_gateway_state::open(visit& which) {
  const auto& hello = *which.hello;
  end_earlier(hello, which.keeper);
  if (sessions.size() + openings.size() >= max_sessions) return refuse(which, "too many fronts");
  const auto sup = side->core.names.find(names::back_agent_sup);
  if (sup == nullptr) return refuse(which, "the back is restarting");
  const auto ahead = std::chrono::seconds{hello.clock} - std::chrono::seconds{net::unix_time()};
  if (ahead > noticeable_skew || ahead < -noticeable_skew)
    tell(spdlog::level::warn, hello.name,
         fmt::format("front {}: its clock is {} s ahead of ours", hello.name, ahead.count()));
  self->monitor(which.keeper);
  const auto& fronts = which.fronts;
  opening begun{.made = {.hello = hello,
                         .terms = common_terms(hello.offer, link_offer{}).value(),
                         .keeper = which.keeper,
                         .back = agents(fronts.size()),
                         .clock_ahead = ahead,
                         .since = self->clock().now()},
                .missing = fronts.size(),
                .promise = which.promise};
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
void link_gateway_state::end_earlier(const link_hello& hello, const caf::actor& keeper) {
  const auto same = [&](const session& one) {
    const bool same_node = keeper.node() != self->node() && one.keeper.node() == keeper.node();
    return one.hello.node == hello.node || same_node;
  };
  for (auto at = sessions.begin(); at != sessions.end();) {
    const auto which = at++;
    if (same(which->second)) end_session(which, "it begins another one");
  }
  std::vector<std::uint64_t> old;
  for (const auto& [number, one] : openings)
    if (same(one.made)) old.push_back(number);
  for (const auto number : old)
    opening_failed(number);
}

void link_gateway_state::agent_started(std::uint64_t number, std::size_t place,
                                       const caf::actor& agent) {
  const auto which = openings.find(number);
  if (which == openings.end()) {
    caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
    return;
  }
  auto& [made, missing, promise] = which->second;
  made.back[place] = agent;
  if (--missing > 0) return;
  tell(spdlog::level::info, made.hello.name,
       fmt::format("front {} is connected (build {}, {} reactors){}", made.hello.name,
                   made.hello.build, made.back.size(), describe_age(made.hello.offer, made.terms)));
  auto welcome = make_answer(link_answer::kind::welcome, made.hello.offer);
  const auto cookie = side->core.config.get()->node_link.cluster_cookie;
  if (!cookie.empty()) welcome.proof = prove_back(as_bytes(cookie), made.hello, welcome);
  answer(made.keeper, promise, welcome, made.back);
  sessions.insert_or_assign(number, std::move(made));
  openings.erase(which);
}

void link_gateway_state::opening_failed(std::uint64_t number) {
  const auto which = openings.find(number);
  if (which == openings.end()) return;
  for (const auto& agent : which->second.made.back)
    caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
  self->demonitor(which->second.made.keeper);
  answer(which->second.made.keeper, which->second.promise,
         make_answer(link_answer::kind::refused, which->second.made.hello.offer,
                     "the back is stopping"));
  openings.erase(which);
}

void link_gateway_state::end_session(session_map::iterator which, std::string_view why,
                                     spdlog::level::level_enum level) {
  const auto& front = which->second.hello.name;
  tell(level, front, fmt::format("front {}: its session ends: {}", front, why));
  self->demonitor(which->second.keeper);
  for (const auto& agent : which->second.back)
    caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
  sessions.erase(which);
}

void link_gateway_state::say_farewell(const session& ended, std::uint64_t number,
                                      const std::string& why) {
  if (ended.terms.has(link_capability::farewell))
    caf::anon_send(ended.keeper, link_bye_atom::value, number, why);
}

void link_gateway_state::say_farewells() {
  for (const auto& [number, ended] : sessions)
    say_farewell(ended, number, "the back is stopping");
}

void link_gateway_state::tell(spdlog::level::level_enum level, const std::string& front,
                              const std::string& what) {
  if (const auto line = events.tell(front, what, self->clock().now()))
    spdlog::log(level, "{}", *line);
}

void link_gateway_state::handle_down(const caf::down_msg& down) {
  std::erase_if(challenges, [&](const auto& one) { return one.first == down.source; });
  for (auto at = sessions.begin(); at != sessions.end();) {
    const auto which = at++;
    if (which->second.keeper == down.source) end_session(which, "it is gone");
  }
  std::vector<std::uint64_t> lost;
  for (const auto& [number, one] : openings)
    if (one.made.keeper == down.source) lost.push_back(number);
  for (const auto number : lost)
    opening_failed(number);
}

std::vector<front_status> link_gateway_state::fronts() const {
  std::vector<front_status> out;
  const auto now = self->clock().now();
  for (const auto& [number, one] : sessions)
    out.push_back({.name = one.hello.name,
                   .build = one.hello.build,
                   .session = number,
                   .agents = one.back.size(),
                   .age = std::chrono::duration_cast<std::chrono::seconds>(now - one.since),
                   .clock_ahead = one.clock_ahead,
                   .other_versions = describe_other_versions(one.hello.offer)});
  std::ranges::stable_sort(out, {}, &front_status::name);
  return out;
}

/// Finding an answer takes time: somebody else does.
caf::result<std::string, bool> link_gateway_state::handle_ask(const std::string& line) {
  const auto asker = caf::actor_cast<caf::actor>(self->current_sender());
  if (std::ranges::none_of(sessions, [&](const auto& one) { return one.second.keeper == asker; }))
    return {"only a front with a session is answered", false};
  if (asked >= max_questions || side->answer_console == nullptr)
    return {"the back is busy with other questions", false};
  ++asked;
  auto promise = self->make_response_promise<std::string, bool>();
  const auto helper = net::spawn_quiet<caf::event_based_actor, caf::detached>(
      self->system(), [side = side](caf::event_based_actor* me) -> caf::behavior {
        return {[me, side](const std::string& question) -> caf::result<std::string, bool> {
          me->quit();
          auto answer = side->answer_console(question);
          if (!answer) return {std::move(answer.error()), false};
          return {answer->substr(0, longest_answer), true};
        }};
      });
  self->request(helper, remote_answer_patience, line)
      .then(
          [this, promise](std::string& answer, bool good) mutable {
            --asked;
            promise.deliver(std::move(answer), good);
          },
          [this, promise](const caf::error&) mutable {
            --asked;
            promise.deliver(std::string{"the back found no answer in time"}, false);
          });
  return promise;
}

caf::behavior link_gateway(caf::stateful_actor<link_gateway_state>* self, node_link_side& side) {
  auto& state = self->state;
  state.side = &side;
  self->set_down_handler([&state](const caf::down_msg& down) { state.handle_down(down); });
  self->set_exit_handler([&state, self](caf::exit_msg& asked) {
    state.say_farewells();
    self->quit(std::move(asked.reason));
  });
  return {
      [&state](link_hello_atom, const std::string& hello, link_gateway_state::agents& fronts) {
        return state.handle_hello(hello, fronts);
      },
      [&state](link_bye_atom, std::uint64_t session) {
        if (const auto which = state.sessions.find(session); which != state.sessions.end())
          state.end_session(which, "it says goodbye");
      },
      [&state](const link_broken& broken) {
        const auto which = state.sessions.find(broken.session);
        if (which == state.sessions.end()) return;
        link_gateway_state::say_farewell(which->second, which->first, broken.why);
        state.end_session(which, broken.why, spdlog::level::err);
      },
      [&state](link_ask_atom, const std::string& line) { return state.handle_ask(line); },
      [&state](get_fronts) { return state.fronts(); },
  };
}

}  // namespace mtp::actors
