#include "actors/node_link/link_gateway.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/names.hpp"
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
/// Fronts that are being asked for their cookie at once.
constexpr std::size_t max_challenges = 256;
/// Nodes whose hellos are under way at once.
constexpr std::size_t max_visitors = 256;
/// For the listener to tell a front's name. A front waits 10 s for all of the answer.
constexpr auto name_patience = 6s;

std::string encoded(const link_answer& answer) {
  return std::string{as_text(encode_link_answer(answer))};
}

}  // namespace

link_answer link_gateway_state::make_answer(link_answer::kind decision, const link_offer& theirs,
                                            std::string reason) const {
  return {.offer = theirs == old_link_offer ? old_link_offer : link_offer{},
          .verdict = decision,
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
  visit visitor{.hello = hello ? std::optional{std::move(*hello)} : std::nullopt,
                .fronts = std::move(fronts),
                .session_actor = caf::actor_cast<caf::actor>(self->current_sender()),
                .promise = self->make_response_promise(),
                .proven = {}};
  // Each costs a question to the listener and CAF's broker, and up to 256 agents: none of these
  // queues grows with what a front says before it has its answer.
  const auto turn_away = [&](const std::string& why) {
    tell_refused(visitor, why);
    visitor.promise.deliver(encoded(make_answer(link_answer::kind::refused, visitor.offer(), why)),
                            agents{});
    return caf::delegated<std::string, agents>{};
  };
  if (visitor.session_actor != nullptr) {
    if (visitors.contains(visitor.session_actor.node()))
      return turn_away("its last hello has no answer yet");
    if (visitors.size() >= max_visitors) return turn_away("the back is busy with other fronts");
    visitors.insert(visitor.session_actor.node());
  }
  const auto settings = side->core.config.get();
  const bool has_names = settings->process.role == config::node_role::back &&
                         settings->link.node_link.security == config::link_security::tls;
  if (has_names && visitor.session_actor != nullptr)
    find_name(std::move(visitor));
  else
    decide(visitor);
  return caf::delegated<std::string, agents>{};
}

void link_gateway_state::find_name(visit visitor) {
  const auto listener = side->core.names.find(names::link_listener);
  if (listener == nullptr) return refuse(visitor, "the back is restarting");
  const get_proven_name question{visitor.session_actor.node()};
  const auto waiting = std::make_shared<visit>(std::move(visitor));
  self->request(listener, name_patience, question)
      .then(
          [this, waiting](std::string& found) {
            if (found.empty()) return refuse(*waiting, "its connection is gone");
            waiting->proven = std::move(found);
            decide(*waiting);
          },
          [this, waiting](const caf::error&) { refuse(*waiting, "the back is restarting"); });
}

void link_gateway_state::decide(visit& visitor) {
  if (!visitor.hello || visitor.session_actor == nullptr)
    return refuse(visitor, "the hello can't be read");
  const auto& hello = *visitor.hello;
  // Its word for our version is old, or not ours. In no older form, and not worth a line.
  if (hello.offer == old_link_offer && is_fallback(hello.nonce))
    return answer(visitor.session_actor, visitor.promise,
                  make_answer(link_answer::kind::refused, link_offer{},
                              "the back speaks more than link version 3, which somebody denied"));
  auto why = judge(visitor);
  if (!why.empty()) return refuse(visitor, why);
  if (!side->settings()->node_link.cluster_cookie.empty() && hello.proof == link_proof{})
    return challenge(visitor);
  why = judge_proof(visitor);
  if (!why.empty()) return refuse(visitor, why);
  open(visitor);
}

void link_gateway_state::tell_refused(const visit& visitor, const std::string& why) {
  std::string_view front = visitor.hello ? visitor.hello->name : std::string_view{};
  if (visitor.proven) front = *visitor.proven;
  // It tries again every few seconds.
  if (const auto line =
          refusals.tell(fmt::format("front {} is refused: {}", front.empty() ? "?" : front, why),
                        self->clock().now()))
    spdlog::warn("{}", *line);
}

void link_gateway_state::refuse(const visit& visitor, const std::string& why) {
  tell_refused(visitor, why);
  answer(visitor.session_actor, visitor.promise,
         make_answer(link_answer::kind::refused, visitor.offer(), why));
}

void link_gateway_state::answer(const caf::actor& session_actor, caf::response_promise promise,
                                const link_answer& decision, agents back) {
  if (session_actor != nullptr) visitors.erase(session_actor.node());
  promise.deliver(encoded(decision), std::move(back));
}

std::string link_gateway_state::judge(const visit& visitor) const {
  const auto& hello = *visitor.hello;
  if (!common_terms(hello.offer, link_offer{}))
    return fmt::format(
        "link versions differ: the front's is {} (build {}), the back's {} (build {}); use the "
        "same build on both",
        describe_versions(hello.offer), hello.build, describe_versions(link_offer{}),
        side->core.build);
  if (visitor.proven && hello.name != *visitor.proven)
    return fmt::format(R"(the front calls itself "{}", but its certificate says "{}")", hello.name,
                       *visitor.proven);
  const bool has_cookie = !side->settings()->node_link.cluster_cookie.empty();
  if (hello.has_cookie != has_cookie)
    return fmt::format("only the {} has a cluster_cookie", has_cookie ? "back" : "front");
  if (visitor.fronts.empty() || visitor.fronts.size() > max_agents ||
      std::ranges::any_of(visitor.fronts, [](const auto& front) { return front == nullptr; }))
    return "it has no agents, or too many";
  if (hello.node == side->core.node_id &&
      side->core.config.get()->process.role != config::node_role::both)
    return "it is this process itself";
  if (sessions.contains(hello.session) || openings.contains(hello.session) || hello.session == 0)
    return "its session is not a new one";
  return {};
}

std::string link_gateway_state::judge_proof(const visit& visitor) {
  const auto cookie = side->settings()->node_link.cluster_cookie;
  if (cookie.empty()) return {};
  const auto given = std::ranges::find(challenges, visitor.session_actor.address(),
                                       [](const auto& sent) { return sent.first; });
  if (given == challenges.end()) return "the proof of cluster_cookie was not asked for";
  const auto nonce = given->second;
  challenges.erase(given);
  if (!equal_constant_time(visitor.hello->proof,
                           prove_front(as_bytes(cookie), nonce, *visitor.hello)))
    return "cluster_cookie differs";
  return {};
}

void link_gateway_state::challenge(const visit& visitor) {
  const auto session_actor = visitor.session_actor.address();
  std::erase_if(challenges, [&](const auto& sent) { return sent.first == session_actor; });
  if (challenges.size() >= max_challenges) challenges.erase(challenges.begin());
  auto question = make_answer(link_answer::kind::challenge, visitor.offer());
  question.nonce = net::random_array<question.nonce.size()>();
  challenges.emplace_back(session_actor, question.nonce);
  answer(visitor.session_actor, visitor.promise, question);
}

// -- questions ----------------------------------------------------------------------------------

/// Finding an answer takes time, so another actor does it.
caf::result<std::string, bool> link_gateway_state::handle_ask(const std::string& line) {
  const auto asker = caf::actor_cast<caf::actor>(self->current_sender());
  if (std::ranges::none_of(sessions,
                           [&](const auto& entry) { return entry.second.session_actor == asker; }))
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

// -- behavior -----------------------------------------------------------------------------------

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
        if (const auto found = state.sessions.find(session); found != state.sessions.end())
          state.end_session(found, "it says goodbye");
      },
      [&state](const link_broken& broken) {
        const auto found = state.sessions.find(broken.session);
        if (found == state.sessions.end()) return;
        link_gateway_state::say_farewell(found->second, found->first, broken.why);
        state.end_session(found, broken.why, spdlog::level::err);
      },
      [&state](link_share_atom, std::uint64_t session, bool wanted) {
        state.handle_share(session, wanted);
      },
      [&state](link_seen_atom, std::uint64_t session, const std::string& batch) {
        state.handle_seen(session, batch);
      },
      [&state](forget_seen_now) { state.forget_seen(); },
      [&state](link_ask_atom, const std::string& line) { return state.handle_ask(line); },
      [&state](get_fronts) { return state.fronts(); },
  };
}

}  // namespace mtp::actors
