// The first phase of a client's connection: until its header has come and admission lets it in.
#pragma once

#include <memory>

#include "actors/client/admission.hpp"
#include "actors/client/newcomers.hpp"

namespace mtp::actors {

class client_conn;
struct next_phase;

class handshake_phase {
 public:
  [[nodiscard]] static std::string_view name() noexcept { return "handshake"; }

  /// `known`: the secrets and options of its port.
  handshake_phase(client_handshake::options known, newcomer_place place);

  /// From now on the connection gets `crowded_out` if its place is needed.
  void start(client_conn& conn);
  /// The next phase is an opening_phase, once the header has come.
  [[nodiscard]] next_phase on_data(client_conn& conn, byte_view data);
  /// The client has not shown yet that it knows the secret, and has not been turned away.
  [[nodiscard]] bool is_newcomer() const noexcept { return state_->place.is_taken(); }
  /// `crowded_out` came, and nothing is left to be read.
  void on_crowded_out(client_conn& conn);
  /// Gives the place among the newcomers back: the connection ends.
  void stop() noexcept { state_->place.leave(); }
  [[nodiscard]] std::size_t held() const noexcept { return state_->codec.held(); }

 private:
  struct state {
    client_handshake codec;
    newcomer_place place;
  };

  [[nodiscard]] client_facts facts_of(client_conn& conn,
                                      const result<client_handshake::step>& step) const;
  void answer(client_conn& conn, const client_handshake::hello_received& received,
              const secret16& secret);
  void turn_away(client_conn& conn, const turned_away& away);

  /// Larger than all other phases: an established client takes no memory for it.
  std::unique_ptr<state> state_;
};

}  // namespace mtp::actors
