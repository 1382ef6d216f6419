// The admission of clients to a port: which clients may come in, and how others are turned away.
// Pure: sockets, the clock and the table of replays are the caller's.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <variant>

#include "actors/client/ticket.hpp"
#include "codecs/client/client_handshake.hpp"
#include "codecs/client/tls_records.hpp"
#include "config/settings.hpp"

namespace mtp::actors {

/// Why a client is turned away, in its handshake or later.
enum class cause : std::uint8_t {
  abridged_max_size,
  intermediate_max_size,
  not_aligned,
  unknown_protocol,
  disabled_protocol,
  tls_client_hello_expected,
  tls_bad_client_hello,
  tls_invalid_digest,
  tls_no_sni,
  tls_unknown_sni,
  tls_early_data,
  tls_bad_record,
  replay_session_detected,
  crowded_out,
  srv_error_filtered,
  bad_proxy_header,
  tls_clock_skew,
};

struct cause_row {
  cause id;
  /// The `reason` of mtproto_proxy_protocol_error_total; the original's where it has one.
  std::string_view name;
  /// For operators.
  std::string_view text;
  /// The TLS alert that the client is sent; without one it is closed in silence.
  byte_view alert = {};
};

/// A row each, in order.
inline constexpr std::array<cause_row, 17> causes{{
    {cause::abridged_max_size, "abridged_max_size", "an abridged packet of 1 MiB or more"},
    {cause::intermediate_max_size, "intermediate_max_size",
     "an intermediate or padded packet of 1 MiB or more"},
    {cause::not_aligned, "not_aligned", "an intermediate packet that is not of whole words"},
    {cause::unknown_protocol, "unknown_protocol", "a wrong secret, or no Telegram client"},
    {cause::disabled_protocol, "disabled_protocol", "a protocol that allowed_protocols leaves out"},
    {cause::tls_client_hello_expected, "tls_client_hello_expected",
     "no ClientHello, where only mtp_fake_tls is allowed"},
    {cause::tls_bad_client_hello, "tls_bad_client_hello",
     "a ClientHello that breaks the rules of TLS", tls_decode_error_alert},
    {cause::tls_invalid_digest, "tls_invalid_digest",
     "a ClientHello of a wrong secret, or of no Telegram client"},
    {cause::tls_no_sni, "tls_no_sni",
     "a ClientHello without the server name that per_sni_secrets needs", tls_decode_error_alert},
    {cause::tls_unknown_sni, "tls_unknown_sni",
     "a ClientHello of a client, for a name that is not in tls_domains"},
    {cause::tls_early_data, "tls_early_data",
     "bytes behind the ClientHello of a client, before the answer"},
    {cause::tls_bad_record, "tls_bad_record", "a TLS record of a type that does not belong there"},
    {cause::replay_session_detected, "replay_session_detected", "a handshake that was seen before"},
    {cause::crowded_out, "crowded_out",
     "it had not shown yet that it is a client, and its place or descriptor was needed"},
    {cause::srv_error_filtered, "srv_error_filtered",
     "Telegram's error -404, which replay_check_server_error_filter keeps from clients"},
    {cause::bad_proxy_header, "bad_proxy_header",
     "no header of the PROXY protocol, from an address in proxy_protocol_from or at a UNIX socket"},
    {cause::tls_clock_skew, "tls_clock_skew",
     "a ClientHello of a client whose clock is wrong (tls_clock_window_sec), or a recorded one"},
}};

[[nodiscard]] constexpr const cause_row& about(cause id) noexcept {
  return causes[static_cast<std::size_t>(id)];
}

/// The cause for an error in a client's bytes.
[[nodiscard]] cause cause_of(errc error) noexcept;

/// The facts about a client that has sent a hello or a header, or bytes that can't become one.
struct client_facts {
  /// Why its bytes were refused, if they were; else it knows the secret.
  std::optional<errc> error = {};
  /// It opened with a ClientHello.
  bool tls = false;
  /// Its hello was answered.
  bool is_answered = false;
  /// Bytes came behind its hello, before the answer.
  bool has_early_data = false;
  /// The server name in that, if there is one.
  std::string_view sni = {};
  /// Of its header, which comes after the hello.
  std::optional<framing> kind = {};
  /// The clock in its hello is wrong.
  bool has_wrong_clock = false;
  /// The same hello or header was seen before.
  bool is_replay = false;
};

/// The client may come in. The pointers are into the settings of its port.
struct admitted {
  /// The secret that it knows.
  const secret16* secret;
  /// The ad tag of its sessions.
  const std::optional<rpc::ad_tag>* tag;
  /// Its share of the limits; keep it as long as the client is there.
  ticket taken;
};

/// How a connection ends, as its client sees it.
struct farewell {
  /// The last bytes for it; empty: silence.
  byte_view alert;
  /// The last bytes are a record as an encrypted alert is, with random content.
  bool sealed_alert = false;
  /// The connection ends with a RST, else with a FIN.
  bool reset = false;
};

struct turned_away {
  cause why;
  farewell how;
};

/// It is no client, and the cover site is to answer it.
struct forwarded {
  cause why;
  config::fronting_target to;
};

using verdict = std::variant<admitted, forwarded, turned_away>;

/// Whether a port has a place for one more connection, when `newcomers` of its `connections` have
/// not shown yet that they are clients. They get three quarters of the places: the rest is for
/// clients.
[[nodiscard]] bool has_place(std::size_t connections, std::size_t newcomers,
                             std::size_t max_connections) noexcept;

/// The secrets and options with which a port checks hellos and headers.
[[nodiscard]] client_handshake::options known_secrets(const config::client_config& all,
                                                      const config::port_settings& port);

/// The verdict on a client: for its hello, and again for the header inside. `taken` is its share of
/// the limits so far; if it is forwarded or turned away, all of it is given back. A client whose
/// hello was answered can't be forwarded any more.
[[nodiscard]] verdict judge(const client_facts& client, const config::client_config& all,
                            const config::port_settings& port, ticket taken);

/// How far a client has come when it is turned away.
enum class progress_made : std::uint8_t {
  none,
  /// Its hello was answered: to an observer it speaks TLS.
  hello_answered,
  established,
};
/// How a client is turned away for `why`.
[[nodiscard]] farewell farewell_of(cause why, const config::client_config& all,
                                   progress_made so_far);

/// Whether a connection that ends without a farewell (a time-out, the client left, the proxy stops)
/// ends with a RST.
[[nodiscard]] bool closes_with_reset(const config::client_config& all, bool is_established);

}  // namespace mtp::actors
