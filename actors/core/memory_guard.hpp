// Keeps its reactor's clients within the process's memory budget (actors/core/memory_ledger): one a
// reactor.
//
//   none --soft mark--> tight, listeners pause --2 s, or the hard mark--> most buffered clients are
//   closed until a quarter of the hard mark is free, and dc_conns asked to give up what Telegram
//   does not take --> none
#pragma once

#include "actors/environment.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::actors {

/// Name under which a reactor's guard is registered.
[[nodiscard]] std::string memory_guard_name(unsigned reactor);

/// Message: memory is not plenty. From the guard of the reactor that noticed to all others, and
/// from a guard to its reactor's dc_conns when clients hold too little to make room.
struct memory_is_scarce {};

/// Messages:
/// - `memory_is_scarce`.
class memory_guard final : public net::pinned_actor,
                           private memory_watcher,
                           private net::io_source {
 public:
  memory_guard(caf::actor_config& cfg, net::reactor& home, environment& env);

  [[nodiscard]] const char* name() const override { return "memory_guard"; }

 private:
  caf::behavior start() override;
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer&) override;
  void stopped() override;
  void on_pressure() override;
  void on_io(std::uint32_t) override {}
  void on_flush() override;

  void judge();
  void wait_a_while();
  void close_most_buffered();

  environment* env_;
  counter closed_;
  net::timer patience_timer_;
  bool waiting_ = false;
  net::steady_clock::time_point told_others_;
  net::steady_clock::time_point quiet_until_;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::memory_is_scarce)
