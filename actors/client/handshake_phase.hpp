// The first phase of a client's connection: until its header has come and admission lets it in.
#pragma once

#include <memory>

#include "actors/client/admission.hpp"
#include "actors/client/hello_census.hpp"
#include "actors/client/newcomers.hpp"
#include "net/loop/timer_wheel.hpp"

namespace mtp::actors {

class client_conn;
class cover_visit;
struct next_phase;

class handshake_phase {
 public:
  [[nodiscard]] static std::string_view name() noexcept { return "handshake"; }

  /// `known`: the secrets and options of its port.
  handshake_phase(client_handshake::options known, newcomer_place place);

  handshake_phase(handshake_phase&&) noexcept;
  handshake_phase& operator=(handshake_phase&&) noexcept;
  handshake_phase(const handshake_phase&) = delete;
  handshake_phase& operator=(const handshake_phase&) = delete;
  ~handshake_phase();

  /// From now on the connection gets `crowded_out` if its place is needed.
  void start(client_conn& conn);
  /// The next phase is an opening_phase, once the header has come, or a relay_phase.
  [[nodiscard]] next_phase on_data(client_conn& conn, byte_view data);
  /// It has finished sending.
  [[nodiscard]] next_phase on_end(client_conn& conn);
  /// It has been silent for `fronting_silence_ms`, and the cover site gets what it has sent; or the
  /// proxy in front of it has not sent its header in time.
  [[nodiscard]] next_phase on_silence(client_conn& conn);
  /// The cover site has spoken: the connection is the site's.
  [[nodiscard]] next_phase on_cover_speaks(client_conn& conn);
  /// The cover site can't be reached, or has ended without a word: the rest of a hello is waited
  /// for alone.
  void on_cover_lost();
  /// The client has not shown yet that it knows the secret, and has not been turned away.
  [[nodiscard]] bool is_newcomer() const noexcept { return state_->place.is_taken(); }
  /// The cover site has what came so far.
  [[nodiscard]] bool has_visit() const noexcept { return state_->visit != nullptr; }
  /// How long the cover site, if it has what came so far, may still be silent; else nothing.
  [[nodiscard]] net::steady_clock::duration cover_time_left(const client_conn& conn) const;
  /// `crowded_out` came, and nothing is left to be read.
  void on_crowded_out(client_conn& conn);
  /// Gives the place among the newcomers back: the connection ends.
  void stop() noexcept;
  [[nodiscard]] std::size_t held() const noexcept {
    return state_->codec.held() + state_->seen.capacity();
  }

 private:
  struct state {
    client_handshake codec;
    newcomer_place place;
    /// All that has come, until a hello is answered: the cover site gets it. Without the header of
    /// a proxy in front, which comes first.
    bytes seen;
    bool awaits_proxy_header = false;
    /// The end that the client has dialled, as the proxy in front tells.
    std::optional<endpoint> dialled;
    /// The site that gets what has come so far, while it may still become a client's.
    std::unique_ptr<cover_visit> visit;
  };

  [[nodiscard]] client_facts facts_of(client_conn& conn,
                                      const result<client_handshake::step>& step) const;
  /// Takes the header of a proxy in front off what has come; false if it is not whole yet, or was
  /// wrong.
  [[nodiscard]] bool take_proxy_header(client_conn& conn, byte_view data);
  [[nodiscard]] std::unique_ptr<cover_visit> visit(client_conn& conn,
                                                   const config::fronting_target& site) const;
  /// Nothing that may still come would make it a client of this port.
  [[nodiscard]] bool is_hopeless(const client_conn& conn) const;
  /// Counts its hello, if that has come whole.
  void count_hello(client_conn& conn, hello_outcome outcome) const;
  /// For a verdict that does not admit it.
  [[nodiscard]] next_phase send_off(client_conn& conn, const verdict& judged);
  void answer(client_conn& conn, const client_handshake::hello_received& received,
              const secret16& secret);
  void turn_away(client_conn& conn, cause why);
  void turn_away(client_conn& conn, const turned_away& away);

  /// Larger than all other phases: an established client takes no memory for it.
  std::unique_ptr<state> state_;
};

}  // namespace mtp::actors
