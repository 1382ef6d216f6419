// Keeps its reactor's clients within the process's memory budget (actors/core/memory_ledger); one
// per reactor.
//
//   none --soft mark--> tight, listeners pause --2 s, or the hard mark--> the clients that hold
//   most are closed until a quarter of the hard mark is free, and dc_conns are asked to give up
//   bytes that Telegram does not take --> none
#pragma once

#include "actors/core/node_core.hpp"
#include "net/loop/log_limiter.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::actors {

/// Messages:
/// - `memory_is_scarce`.
/// - `config_changed`: the reactor's read buffer grows with the options of buffers.
class memory_guard final : public net::pinned_actor,
                           private memory_watcher,
                           private net::io_source {
 public:
  memory_guard(caf::actor_config& cfg, net::reactor& home, node_core& core);

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

  node_core* core_;
  counter closed_;
  net::timer patience_timer_;
  bool waiting_ = false;
  net::steady_clock::time_point told_others_;
  net::log_limiter log_{std::chrono::seconds{10}};
};

}  // namespace mtp::actors
