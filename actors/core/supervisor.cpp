#include "actors/core/supervisor.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "codecs/base/text.hpp"
#include "net/loop/quiet_actor.hpp"

namespace mtp::actors {

namespace {

/// Message to itself: children asked to stop have had their time.
struct stop_timeout {
  std::uint64_t attempt = 0;
};

/// A killed actor ends with its current message; one that does not is stuck, and is left behind.
constexpr std::chrono::seconds kill_timeout{2};

bool is_normal(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::user_shutdown;
}

/// For the log. Any sender of a message may have ended the actor, for a reason of the sender's
/// choice.
std::string describe(const caf::error& reason) {
  constexpr std::size_t longest = 200;
  return reason ? printable(caf::to_string(reason).substr(0, longest)) : "no error";
}

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::stop_timeout)

namespace mtp::actors {

supervisor::supervisor(caf::actor_config& cfg, supervisor_spec spec, name_registry& names)
    : caf::event_based_actor{cfg}, spec_{std::move(spec)}, names_{&names} {
  net::set_quiet_defaults(*this);
  set_down_handler([this](caf::down_msg& down) { handle_down(down); });
  set_exit_handler([this](caf::exit_msg& asked) { handle_exit(asked); });
}

caf::behavior supervisor::make_behavior() {
  if (spec_.strategy != supervision_strategy::simple_one_for_one) {
    // Not kept: what a child's start holds goes with the child.
    for (auto& child_spec : std::exchange(spec_.children, {}))
      children_.push_back({.spec = std::move(child_spec), .restarts = 0, .handle = nullptr});
    for (auto& entry : children_)
      start(entry);
  }
  return {
      [this](start_child& request) { return handle_start(request); },
      [this](const stop_child& request) { handle_stop(request.id); },
      [this](list_children) {
        std::vector<child_status> statuses;
        for (const auto& entry : children_)
          statuses.push_back({.id = entry.spec.id,
                              .restart = entry.spec.restart,
                              .restarts = entry.restarts,
                              .handle = entry.handle,
                              .strategy = strategy_of(entry.handle)});
        return statuses;
      },
      [this](const stop_timeout& timeout) { stop_timed_out(timeout.attempt); },
  };
}

void supervisor::on_exit() {
  for (auto& entry : children_) {
    if (entry.handle == nullptr) continue;
    const auto handle = entry.handle;
    forget(entry);
    caf::anon_send_exit(handle, caf::exit_reason::kill);
  }
}

void supervisor::start(child& entry) {
  entry.handle = entry.spec.start();
  monitor(entry.handle);
  if (!entry.spec.id.empty()) names_->put(entry.spec.id, entry.handle);
}

void supervisor::forget(child& entry) {
  if (!entry.spec.id.empty()) names_->remove(entry.spec.id, entry.handle.address());
  entry.handle = nullptr;
}

caf::result<caf::actor> supervisor::handle_start(start_child& request) {
  if (stopping_) return caf::sec::runtime_error;
  const auto same =
      std::ranges::find(children_, request.id, [](const child& x) { return x.spec.id; });
  if (!request.id.empty() && same != children_.end()) return same->handle;
  const bool are_alike = spec_.strategy == supervision_strategy::simple_one_for_one;
  auto& created = children_.emplace_back(child{
      .spec = are_alike ? spec_.children.front() : child_spec{}, .restarts = 0, .handle = nullptr});
  created.spec.id = std::move(request.id);
  created.spec.start = std::move(request.start);
  start(created);
  return created.handle;
}

void supervisor::handle_stop(const std::string& id) {
  const auto found =
      std::ranges::find(children_, id, [](const child& entry) { return entry.spec.id; });
  if (found == children_.end() || found->handle == nullptr) return;
  found->spec.restart = restart_policy::temporary;
  found->is_dismissed = true;
  send_exit(found->handle, caf::exit_reason::user_shutdown);
}

void supervisor::handle_exit(const caf::exit_msg& asked) {
  if (stopping_ == after_stop::quit) return;
  end_with(asked.reason);
}

void supervisor::handle_down(const caf::down_msg& down) {
  const auto found = std::ranges::find_if(
      children_, [&](const child& entry) { return entry.handle == down.source; });
  if (found == children_.end()) return;
  forget(*found);
  if (stopping_) {
    if (std::erase(ending_, down.source) > 0 && ending_.empty()) stop_next();
    return;
  }
  if (!is_normal(down.reason)) {
    // By its id: a peer could make up any number of reasons.
    const auto text =
        fmt::format("{}: {} ended: {}", spec_.name, found->spec.id, describe(down.reason));
    if (const auto line = ends_.tell(found->spec.id, text, clock().now()))
      spdlog::error("{}", *line);
  }
  const auto policy = found->spec.restart;
  const bool again = policy == restart_policy::permanent ||
                     (policy == restart_policy::transient && !is_normal(down.reason));
  if (!again) {
    // Its place stays where children have an order, if it may come back with the others.
    if (spec_.strategy == supervision_strategy::simple_one_for_one || found->is_dismissed)
      children_.erase(found);
    return;
  }
  if (!restart_allowed()) {
    spdlog::error("{}: more than {} restarts in {} s", spec_.name, spec_.intensity,
                  spec_.period.count());
    end_with(caf::sec::runtime_error);
    return;
  }
  restart(*found);
}

bool supervisor::restart_allowed() {
  const auto now = clock().now();
  restarts_.push_back(now);
  while (now - restarts_.front() > spec_.period)
    restarts_.pop_front();
  return restarts_.size() <= spec_.intensity;
}

void supervisor::restart(child& entry) {
  ++entry.restarts;
  if (spec_.strategy == supervision_strategy::one_for_all)
    stop_all(after_stop::start_all);
  else
    start(entry);
}

void supervisor::end_with(caf::error reason) {
  end_reason_ = std::move(reason);
  stop_all(after_stop::quit);
}

void supervisor::stop_all(after_stop then) {
  stopping_ = then;
  stop_next();
}

std::vector<caf::actor> supervisor::next_to_stop() const {
  std::vector<caf::actor> next;
  for (const auto& entry : children_)
    if (entry.handle != nullptr) next.push_back(entry.handle);
  if (spec_.strategy != supervision_strategy::simple_one_for_one && next.size() > 1)
    next.erase(next.begin(), next.end() - 1);
  return next;
}

void supervisor::stop_next() {
  ending_ = next_to_stop();
  if (ending_.empty()) {
    const auto then = *std::exchange(stopping_, std::nullopt);
    if (then == after_stop::quit) return quit(end_reason_);
    for (auto& entry : children_)
      start(entry);
    return;
  }
  killing_ = false;
  std::chrono::milliseconds patience{0};
  for (const auto& entry : children_)
    if (std::ranges::find(ending_, entry.handle) != ending_.end())
      patience = std::max(patience, entry.spec.shutdown);
  for (const auto& handle : ending_)
    send_exit(handle, caf::exit_reason::user_shutdown);
  delayed_send(this, patience, stop_timeout{++stop_attempt_});
}

void supervisor::stop_timed_out(std::uint64_t attempt) {
  if (!stopping_ || attempt != stop_attempt_) return;
  for (auto& entry : children_) {
    if (std::ranges::find(ending_, entry.handle) == ending_.end()) continue;
    if (killing_) {
      spdlog::error("{}: {} does not end even when killed", spec_.name, entry.spec.id);
      forget(entry);
    } else {
      spdlog::warn("{}: {} did not stop in time and is killed", spec_.name, entry.spec.id);
      send_exit(entry.handle, caf::exit_reason::kill);
    }
  }
  if (killing_) return stop_next();
  killing_ = true;
  delayed_send(this, kill_timeout, stop_timeout{stop_attempt_});
}

std::optional<supervision_strategy> strategy_of(const caf::actor& actor) {
  if (actor == nullptr) return std::nullopt;
  const auto* const sup =
      dynamic_cast<const supervisor*>(caf::actor_cast<caf::abstract_actor*>(actor));
  return sup != nullptr ? std::optional{sup->strategy()} : std::nullopt;
}

caf::actor spawn_supervisor(caf::actor_system& system, supervisor_spec spec, name_registry& names) {
  return system.spawn<supervisor>(std::move(spec), std::ref(names));
}

}  // namespace mtp::actors
