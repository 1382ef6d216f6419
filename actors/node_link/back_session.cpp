#include "actors/node_link/back_session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/doubled.hpp"
#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "codecs/base/text.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_retry = 100ms;
constexpr std::chrono::milliseconds last_retry = 5s;
/// Whether another back_session has this one's back still is looked at so often.
constexpr std::chrono::milliseconds look_interval = 1min;
/// A session that ends sooner is a failed attempt.
constexpr auto lasting_session = 5s;
/// The back has to answer within this time.
constexpr auto answer_patience = 10s;
constexpr auto goodbye_patience = 1s;
/// Clocks that differ more are mentioned.
constexpr auto noticeable_skew = 30s;

}  // namespace

back_session::back_session(caf::actor_config& cfg, net::reactor& home, node_link_side& side,
                           std::size_t place)
    : pinned_actor{cfg, home},
      side_{&side},
      back_{side.backs.find(place).value_or(known_back{.place = place})},
      where_{to_string(back_)},
      since_{home.now()},
      retry_timer_{*this},
      sharing_{*this, side} {}

caf::behavior back_session::start() {
  set_down_handler([this](const caf::down_msg& down) {
    if (gateway_ == down.source) failed(why_lost(down.reason));
  });
  set_exit_handler([this](const caf::exit_msg& asked) { handle_exit(asked); });
  retry_timer_.arm(home().timers(), 0ms);
  sharing_.follow();
  return {
      [this](const link_broken& broken) {
        // When the connection ends, the back's agents are gone, too, and that may come first.
        if (stage_ == stage::connected && broken.session == hello_.session)
          failed(is_lost() ? why_lost(caf::exit_reason::remote_link_unreachable) : broken.why);
      },
      [this](const link_agent_started& started) {
        const bool known =
            started.reactor < agents_.size() &&
            agents_[started.reactor] == side_->core.names.find(names::front_agent(started.reactor));
        if ((stage_ == stage::connected || stage_ == stage::greeting) && !known)
          failed("a link agent was restarted");
      },
      // Data may come behind it: the session ends with the agents.
      [this](link_bye_atom, std::uint64_t session, const std::string& why) {
        if (stage_ == stage::connected && session == hello_.session)
          farewell_ = printable(std::string_view{why}.substr(0, max_link_text));
      },
      [this](link_seen_atom, std::uint64_t session, const std::string& front,
             const std::string& batch) { sharing_.take(session, front, batch); },
      [this](config_changed) { heed_config(); },
      [this](const back_usage& told) { heed_usage(told); },
      [this](back_replaced) { depart(); },
      [this](get_back_status) { return status(); },
      [this](const ask_back& question) { return ask(question.line); },
  };
}

void back_session::on_due(net::timer& due) {
  if (&due == &sharing_.timer()) return sharing_.send();
  if (is_leaving() && has_successor()) return depart();
  // Not even a connection: with CAF's OpenSSL module the end of one may end the other.
  if (same_as_ && side_->reached_backs.has(*same_as_)) return try_later();
  same_as_.reset();
  stage_ = stage::reaching;
  reach();
}

// -- hello --------------------------------------------------------------------------------------

void back_session::reached(caf::actor gateway) {
  gateway_ = std::move(gateway);
  monitor(gateway_);
  if (const auto other = side_->reached_backs.claim(back_.place, gateway_.node())) {
    return fail_as_same(*other);
  }
  agents_.clear();
  for (unsigned i = 0; i < side_->core.reactors.size(); ++i)
    agents_.push_back(side_->core.names.find(names::front_agent(i)));
  if (std::ranges::find(agents_, nullptr) != agents_.end())
    return failed("link agents are being started");
  hello_ = make_hello();
  tried_both_ = false;
  stage_ = stage::greeting;
  greet(nullptr);
}

void back_session::fail_as_same(std::size_t other) {
  const auto known = side_->backs.find(other);
  if (known && !known->is_leaving)
    same_as_ = gateway_.node();
  else
    caf::anon_send(side_->core.names.find(names::back_session(other)), back_replaced{});
  failed("it is the same node as " +
         (known ? "back " + to_string(*known) : "a back that was left"));
}

link_hello back_session::make_hello() const {
  link_hello hello{.offer = speaks_old_ ? old_link_offer : link_offer{},
                   .build = side_->core.build,
                   .name = side_->own_name(),
                   .node = side_->core.node_id,
                   .session = load_le<std::uint64_t>(net::random_array<sizeof(std::uint64_t)>()),
                   .clock = net::unix_time(),
                   .has_cookie = !settings().node_link.cluster_cookie.empty(),
                   .nonce = net::random_array<link_nonce{}.size()>(),
                   .proof = {}};
  if (speaks_old_) mark_fallback(hello.nonce);
  return hello;
}

void back_session::greet_otherwise() {
  tried_both_ = true;
  speaks_old_ = !speaks_old_;
  hello_ = make_hello();
  greet(nullptr);
}

void back_session::greet(const link_nonce* challenge) {
  if (challenge != nullptr)
    hello_.proof = prove_front(as_bytes(settings().node_link.cluster_cookie), *challenge, hello_);
  std::string text{as_text(encode_link_hello(hello_))};
  const auto asked_for = hello_.session;
  const auto is_current = [this, asked_for] {
    return stage_ == stage::greeting && hello_.session == asked_for;
  };
  request(gateway_, answer_patience, link_hello_atom::value, std::move(text), agents_)
      .then(
          [this, is_current](const std::string& answer, const std::vector<caf::actor>& agents) {
            if (is_current()) handle_answer(answer, agents);
          },
          [this, is_current](const caf::error& why) {
            if (is_current())
              failed(why == caf::sec::request_timeout ? "the back does not answer" : why_lost(why));
          });
}

void back_session::handle_answer(const std::string& encoded,
                                 const std::vector<caf::actor>& agents) {
  const auto answer = decode_link_answer(as_bytes(encoded));
  if (!answer) return failed("what the back says can't be read");
  const bool is_refusal = answer->verdict == link_answer::kind::refused;
  const bool is_other_form = (answer->offer == old_link_offer) != speaks_old_;
  if (is_other_form && is_refusal && !tried_both_) return greet_otherwise();
  // Before all else: what another version's answer is about, we can't know.
  if (!common_terms(answer->offer, link_offer{}) || (is_other_form && !is_refusal))
    return failed(
        fmt::format("link versions differ: ours is {} (build {}), the back's {} (build {}); use "
                    "the same build on both",
                    describe_versions(link_offer{}), side_->core.build,
                    describe_versions(answer->offer), answer->build));
  switch (answer->verdict) {
    case link_answer::kind::refused:
      return failed("the back refuses: " + answer->reason);
    case link_answer::kind::challenge:
      if (settings().node_link.cluster_cookie.empty())
        return failed("the back wants a cluster_cookie");
      if (hello_.proof != link_proof{}) return failed("the back asks for the cluster_cookie again");
      return greet(&answer->nonce);
    case link_answer::kind::welcome:
      return handle_welcome(*answer, agents);
  }
}

void back_session::handle_welcome(const link_answer& answer,
                                  const std::vector<caf::actor>& agents) {
  auto why = judge(answer, agents);
  if (why.empty()) return begin_session(answer, agents);
  // To the back it has begun; with CAF's own transport the connection stays.
  caf::anon_send(gateway_, link_bye_atom::value, hello_.session);
  failed(std::move(why));
}

std::string back_session::judge(const link_answer& answer,
                                const std::vector<caf::actor>& agents) const {
  if (const auto proven = proven_name(); !proven.empty() && answer.name != proven)
    return fmt::format(R"(the back calls itself "{}", but its certificate says "{}")", answer.name,
                       proven);
  const auto& cookie = settings().node_link.cluster_cookie;
  if (!cookie.empty() &&
      !equal_constant_time(answer.proof, prove_back(as_bytes(cookie), hello_, answer)))
    return "cluster_cookie differs";
  if (agents.size() != agents_.size() || std::ranges::find(agents, nullptr) != agents.end())
    return "the back has not an agent for each of our reactors";
  return {};
}

// -- sessions -----------------------------------------------------------------------------------

void back_session::begin_session(const link_answer& answer, const std::vector<caf::actor>& agents) {
  stage_ = stage::connected;
  since_ = home().now();
  answer_ = answer;
  farewell_.clear();
  trouble_.clear();
  ++sessions_;
  const auto terms = common_terms(hello_.offer, answer.offer).value();
  spdlog::info("back {}: connected (build {}){}", where_, answer.build,
               describe_age(answer.offer, terms));
  const auto ahead = std::chrono::seconds{answer.clock} - std::chrono::seconds{net::unix_time()};
  if (ahead > noticeable_skew || ahead < -noticeable_skew)
    spdlog::warn("back {}: its clock is {} s ahead of ours", where_, ahead.count());
  side_->core.clock.compare(-ahead, "back " + where_);
  for (std::size_t i = 0; i < agents.size(); ++i)
    caf::anon_send(agents_[i],
                   link_up{.back = back_.place, .session = hello_.session, .peer = agents[i]});
  if (terms.has(link_capability::seen_handshakes)) sharing_.begin(gateway_, hello_.session);
}

void back_session::end_session() {
  if (stage_ == stage::connected) {
    since_ = home().now();
    for (const auto& agent : agents_)
      caf::anon_send(agent, link_down{.back = back_.place, .session = hello_.session});
  }
  agents_.clear();
  sharing_.end();
  if (gateway_ != nullptr) demonitor(gateway_);
  gateway_ = nullptr;
  side_->reached_backs.release(back_.place);
  stage_ = stage::waiting;
}

void back_session::failed(std::string why) {
  const bool was_connected = stage_ == stage::connected;
  if (stage_ == stage::leaving) return quit();
  if (was_connected && !farewell_.empty()) why = "it ended the session; its log says: " + farewell_;
  if (was_connected && home().now() - since_ > lasting_session) failures_ = 0;
  end_session();
  leave();
  // Another trouble is told at once.
  if (was_connected || why != trouble_) trouble_log_.reset();
  if (const auto left_out = trouble_log_.admit(home().now()))
    spdlog::warn("back {}: {}; trying again{}", where_, why, net::describe_left_out(*left_out));
  trouble_ = std::move(why);
  try_later();
}

std::string back_session::why_lost(const caf::error& reason) const {
  return reason == caf::exit_reason::remote_link_unreachable ? "the connection is lost"
                                                             : "it has stopped, or restarts";
}

void back_session::try_later() {
  auto delay = doubled(first_retry, failures_++, last_retry);
  if (same_as_) delay = look_interval;
  retry_timer_.arm(home().timers(), delay / 2 + delay * net::random_between(0, 1000) / 2000);
}

// -- leaving ------------------------------------------------------------------------------------

bool back_session::is_leaving() const {
  const auto known = side_->backs.find(back_.place);
  return known && known->is_leaving;
}

void back_session::heed_config() {
  sharing_.follow();
  if (!is_leaving()) return unused_by_.clear();
  // It was never used, and a list of backs that were never reached must not grow.
  if (sessions_ == 0) depart();
}

bool back_session::has_successor() const {
  const auto known = side_->backs.get();
  return std::ranges::any_of(*known, [this](const known_back& back) {
    return !back.is_leaving && side_->reached_backs.is_reached(back.place);
  });
}

void back_session::heed_usage(const back_usage& told) {
  if (told.in_use)
    unused_by_.erase(told.reactor);
  else
    unused_by_.insert(told.reactor);
  if (unused_by_.size() == side_->core.reactors.size()) depart();
}

void back_session::depart() {
  if (stage_ == stage::leaving || !side_->backs.forget(back_.place)) return;
  spdlog::info("back {}: is not among back_nodes any more: left", where_);
  caf::anon_send(side_->core.names.find(names::back_session_sup),
                 stop_child{names::back_session(back_.place)});
}

// -- end and status -----------------------------------------------------------------------------

void back_session::handle_exit(const caf::exit_msg& asked) {
  if (stage_ != stage::connected || asked.reason == caf::exit_reason::kill)
    return quit(asked.reason);
  stage_ = stage::leaving;
  const auto leave_now = [this] { quit(caf::exit_reason::user_shutdown); };
  // The answer comes behind all that was sent before: nothing is lost by going then.
  request(gateway_, goodbye_patience, link_bye_atom::value, hello_.session)
      .then([leave_now] { leave_now(); }, [leave_now](const caf::error&) { leave_now(); });
}

void back_session::stopped() {
  retry_timer_.cancel();
  end_session();
  leave();
}

back_status back_session::status() const {
  const bool connected = stage_ == stage::connected;
  return {.where = where_,
          .build = answer_.build,
          .connected = connected,
          .age = std::chrono::duration_cast<std::chrono::seconds>(home().now() - since_),
          .trouble = trouble_,
          .session = connected ? hello_.session : 0,
          .sessions = sessions_,
          .clock_ahead = connected ? std::chrono::seconds{answer_.clock - hello_.clock}
                                   : std::chrono::seconds{0},
          .other_versions = sessions_ > 0 ? describe_other_versions(answer_.offer) : ""};
}

caf::result<std::string, bool> back_session::ask(const std::string& line) {
  if (stage_ != stage::connected) return {"there is no link to " + where_ + ": " + trouble_, false};
  auto promise = make_response_promise<std::string, bool>();
  request(gateway_, remote_answer_patience + goodbye_patience, link_ask_atom::value, line)
      .then([promise](std::string& answer,
                      bool good) mutable { promise.deliver(std::move(answer), good); },
            [promise, this](const caf::error&) mutable {
              promise.deliver(where_ + " does not answer", false);
            });
  return promise;
}

void local_back_session::reach() {
  if (auto gateway = side().core.names.find(names::link_gateway))
    reached(std::move(gateway));
  else
    failed("its gateway is being started");
}

}  // namespace mtp::actors
