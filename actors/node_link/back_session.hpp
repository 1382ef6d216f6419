// A front's link to one back: connects, agrees on a session, hands it to the agents, and tries
// again when it ends. How to connect is up to a subclass.
#pragma once

#include <set>

#include "actors/node_link/link_messages.hpp"
#include "actors/node_link/node_link_side.hpp"
#include "actors/node_link/replay_sharing.hpp"
#include "codecs/node_link/link_hello.hpp"
#include "net/loop/log_limiter.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::actors {

/// Message (request): replies with a `back_status`.
struct get_back_status {};
struct back_status {
  /// As configured.
  std::string where;
  /// Of the back, once it has answered.
  std::string build;
  bool connected = false;
  /// How long it has been connected, or not connected.
  std::chrono::seconds age{0};
  /// Why the last attempt failed, or the last session ended.
  std::string trouble;
  std::uint64_t session = 0;
  std::uint64_t sessions = 0;
  /// How far the back's clock is ahead of ours.
  std::chrono::seconds clock_ahead{0};
  /// Link versions that the back speaks, if it has answered and they are not the same as ours.
  std::string other_versions;
};

/// Messages:
/// - `link_broken`, `link_agent_started` from agents: another session begins.
/// - `(link_bye_atom, session, why)` from the back: for the log, once the session has ended.
/// - `(link_seen_atom, session, front, batch)` from the back: another front has seen handshakes
///   (`replay_sharing`).
/// - `config_changed`, `back_usage`, `back_replaced`: a back that is no longer in `back_nodes` is
///   left when no front agent uses it, when it is reached another way, when its session has ended
///   and another back is reached, and at once if it was never reached.
/// - `get_back_status`, `ask_back`.
/// - exit_msg: says goodbye, at most 1 s, and ends.
/// While there is no session it tries again, after 0.1 s, doubling to 5 s, with jitter, and logs
/// each new reason once. A back that speaks link version 3 only gets a hello in it at once, and the
/// next time first; one that was upgraded since says so, and gets a new one. A back that another
/// back_session has reached already, by another address, is left alone as long as that one has it.
class back_session : public net::pinned_actor {
 public:
  /// `place` is that of a `known_back`.
  back_session(caf::actor_config& cfg, net::reactor& home, node_link_side& side, std::size_t place);
  [[nodiscard]] const char* name() const override { return "back_session"; }

 protected:
  /// Connects to the back; `reached` or `failed` follows, unless `leave` comes first.
  virtual void reach() = 0;
  /// Gives up the connection to the back, or the attempt to connect.
  virtual void leave() = 0;
  /// For the log: why the gateway is gone, given CAF's reason for that.
  [[nodiscard]] virtual std::string why_lost(const caf::error& reason) const;
  /// Whether it is certain that the connection to the back is gone, even if CAF has not said so
  /// yet.
  [[nodiscard]] virtual bool is_lost() const { return false; }

  /// The name in the back's certificate; empty if there is none, or if it was not checked.
  [[nodiscard]] virtual std::string proven_name() const { return {}; }

  void reached(caf::actor gateway);
  void failed(std::string why);
  [[nodiscard]] node_link_side& side() const noexcept { return *side_; }
  [[nodiscard]] const config::link_config& settings() const {
    return side_->core.settings(home()).link;
  }

  /// For a back that is not in this process.
  [[nodiscard]] const config::back_address& address() const { return back_.address.value(); }

  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer& due) override;
  void stopped() override;

 private:
  enum class stage : std::uint8_t { waiting, reaching, greeting, connected, leaving };

  caf::behavior start() final;

  /// The back has a session already, by another address.
  void fail_as_same(std::size_t other);
  [[nodiscard]] link_hello make_hello() const;
  void greet(const link_nonce* challenge);
  /// Says hello in the other form. The back did not read this one.
  void greet_otherwise();
  void handle_answer(const std::string& encoded, const std::vector<caf::actor>& agents);
  void handle_welcome(const link_answer& answer, const std::vector<caf::actor>& agents);
  /// Why that welcome is not believed; empty if it is.
  [[nodiscard]] std::string judge(const link_answer& answer,
                                  const std::vector<caf::actor>& agents) const;
  void begin_session(const link_answer& answer, const std::vector<caf::actor>& agents);
  void end_session();
  void try_later();
  [[nodiscard]] bool is_leaving() const;
  void heed_config();
  void heed_usage(const back_usage& told);
  /// Whether a back that is in `back_nodes` is reached.
  [[nodiscard]] bool has_successor() const;
  /// For good, unless the back is wanted again.
  void depart();
  void handle_exit(const caf::exit_msg& asked);
  [[nodiscard]] back_status status() const;
  caf::result<std::string, bool> ask(const std::string& line);

  node_link_side* side_;
  known_back back_;
  /// As the log has it.
  std::string where_;
  stage stage_ = stage::waiting;
  net::steady_clock::time_point since_;
  caf::actor gateway_;
  /// The node that was reached here and that another back_session had already.
  std::optional<caf::node_id> same_as_;
  /// If the back is being left: the reactors whose agents have no stream there.
  std::set<unsigned> unused_by_;
  /// The front agents, one per reactor, as they were at the last hello.
  std::vector<caf::actor> agents_;
  link_hello hello_;
  /// Whether the last back that answered here spoke link version 3 only.
  bool speaks_old_ = false;
  /// Both forms were tried since the back was reached.
  bool tried_both_ = false;
  link_answer answer_;
  /// Why the back ends this session; empty as long as it does not.
  std::string farewell_;
  std::string trouble_;
  /// Of the same trouble again and again.
  net::log_limiter trouble_log_{std::chrono::minutes{10}};
  std::uint64_t sessions_ = 0;
  unsigned failures_ = 0;
  net::timer retry_timer_;
  replay_sharing sharing_;
};

/// The back is in this process: its gateway is found by name.
class local_back_session final : public back_session {
 public:
  using back_session::back_session;

 private:
  void reach() override;
  void leave() override {}
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_back_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::back_status)
