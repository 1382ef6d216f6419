// Receives the hellos of fronts: the only actor of a back that other nodes know. Agrees with each
// front on a session and has agents started for it.
#pragma once

#include <spdlog/common.h>

#include <caf/actor_addr.hpp>
#include <caf/actor_clock.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <map>
#include <optional>
#include <set>

#include "actors/core/limited_log.hpp"
#include "actors/node_link/link_messages.hpp"
#include "actors/node_link/node_link_side.hpp"
#include "actors/node_link/seen_exchange.hpp"
#include "codecs/node_link/link_hello.hpp"

namespace mtp::actors {

/// Message (request): replies with a std::vector<front_status>, by name.
struct get_fronts {};
struct front_status {
  std::string name;
  std::string build;
  std::uint64_t session = 0;
  std::size_t agents = 0;
  std::chrono::seconds age{0};
  /// How far the front's clock is ahead of ours.
  std::chrono::seconds clock_ahead{0};
  /// Link versions that it speaks, if they are not the same as ours.
  std::string other_versions;
};

/// Message to itself: once a minute, while anything is remembered of fronts.
struct forget_seen_now {};

struct link_gateway_state {
  explicit link_gateway_state(caf::event_based_actor* actor) : self{actor} {}

  using agents = std::vector<caf::actor>;
  using reply = caf::result<std::string, agents>;

  struct session {
    link_hello hello;
    link_terms terms;
    /// The front's back_session, which asked for it.
    caf::actor session_actor;
    agents back;
    std::chrono::seconds clock_ahead{0};
    caf::actor_clock::time_point since;
  };
  using session_map = std::map<std::uint64_t, session>;
  /// Agents of a session that are being started.
  struct opening {
    session made;
    std::size_t missing = 0;
    caf::response_promise promise;
  };

  /// A front's hello, and where the answer goes.
  struct visit {
    std::optional<link_hello> hello;
    agents fronts;
    caf::actor session_actor;
    caf::response_promise promise;
    /// The name in its certificate; nothing if certificates are not checked.
    std::optional<std::string> proven;
    /// The offer that the answer has to fit. Every node can read version 3.
    [[nodiscard]] const link_offer& offer() const { return hello ? hello->offer : old_link_offer; }
  };

  reply handle_hello(const std::string& text, agents& fronts);
  void find_name(visit visitor);
  void decide(visit& visitor);
  /// In the form in which the hello was: version 3 can't read another one.
  [[nodiscard]] link_answer make_answer(link_answer::kind decision, const link_offer& theirs,
                                        std::string reason = {}) const;
  void tell_refused(const visit& visitor, const std::string& why);
  void refuse(const visit& visitor, const std::string& why);
  /// The visit is over.
  void answer(const caf::actor& session_actor, caf::response_promise promise,
              const link_answer& decision, agents back = {});
  /// Empty if the front may have a session; else why not.
  [[nodiscard]] std::string judge(const visit& visitor) const;
  /// The same, by its proof of the cookie, which uses up the nonce that it was given.
  [[nodiscard]] std::string judge_proof(const visit& visitor);
  void challenge(const visit& visitor);

  // In link_gateway_sessions.cpp.
  void open(visit& visitor);
  void end_earlier(const link_hello& hello, const caf::actor& session_actor);
  void agent_started(std::uint64_t number, std::size_t place, const caf::actor& agent);
  void opening_failed(std::uint64_t number);
  void end_session(session_map::iterator entry, std::string_view why,
                   spdlog::level::level_enum level = spdlog::level::info);
  /// Tells the front why the back ends its session, if it can understand that.
  static void say_farewell(const session& ended, std::uint64_t number, const std::string& why);
  /// The gateway is being stopped.
  void say_farewells();
  /// Logs something about a front that was let in.
  void tell(spdlog::level::level_enum level, const std::string& front, const std::string& event);
  void handle_down(const caf::down_msg& down);
  [[nodiscard]] std::vector<front_status> fronts() const;

  caf::result<std::string, bool> handle_ask(const std::string& line);

  // In link_gateway_seen.cpp.
  /// The session, if the present message is from its front, and both have the capability.
  [[nodiscard]] session* sharing_session(std::uint64_t number);
  void handle_share(std::uint64_t number, bool wanted);
  void handle_seen(std::uint64_t number, const std::string& batch);
  /// Sends a session what is next of what `front` has seen.
  void relay(std::uint64_t number, const std::string& front);
  void forget_seen();
  [[nodiscard]] bool is_linked(const std::string& front) const;
  [[nodiscard]] bool is_allowed(const std::string& front) const;

  caf::event_based_actor* self;
  node_link_side* side = nullptr;
  session_map sessions;
  std::map<std::uint64_t, opening> openings;
  /// Nodes whose hello has no answer yet: one hello per node at a time.
  std::set<caf::node_id> visitors;
  limited_log refusals{1};
  /// By the front's name.
  limited_log events{10};
  /// Handshakes that fronts have seen.
  seen_exchange seen;
  bool is_forgetting = false;
  /// Questions being answered.
  std::size_t asked = 0;
  /// Nonces that fronts were given and have not used, oldest first.
  std::vector<std::pair<caf::actor_addr, link_nonce>> challenges;

  static inline const char* name = "link_gateway";
};

/// Behavior:
/// - `(link_hello_atom, hello, front agents)` (request): see link_messages.hpp. An earlier session
///   of the same process ends first, so that its streams can't be mixed up with new ones. With a
///   `cluster_cookie` the first answer is a challenge. Refused are: a front whose certificate has
///   another name than its hello; a front whose node has another hello without an answer; and any
///   front while 256 nodes wait for answers. Whatever fronts do, they get few lines in the log
///   (`limited_log`). The log says where a session begins with an older or newer node. A front that
///   says hello in version 3 because it was told to is told that it need not.
/// - `(link_bye_atom, session)` (request): the session ends.
/// - `link_broken` from agents: their session ends.
/// - `(link_ask_atom, line)` (request): answers a line of the console; two at a time.
/// - `(link_share_atom, session, wanted)`, `(link_seen_atom, session, batch)` (request): they hear
///   of handshakes that others have seen (`seen_exchange`), each front in turn and as fast as it
///   confirms them. What can't be read is counted as dropped. Others' sessions are ignored.
/// - `get_fronts`.
/// A session also ends when its front is gone. The front is told why the back ends it
/// (`link_bye_atom` with a text), if both have `link_capability::farewell`.
caf::behavior link_gateway(caf::stateful_actor<link_gateway_state>* self, node_link_side& side);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::forget_seen_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_fronts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<mtp::actors::front_status>)
