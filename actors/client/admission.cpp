#include "actors/client/admission.hpp"

#include "actors/client/fronting_rules.hpp"

namespace mtp::actors {

namespace {

using config::protocol;

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < causes.size(); ++i)
    if (causes[i].id != static_cast<cause>(i)) return false;
  return causes.size() == static_cast<std::size_t>(cause::tls_clock_skew) + 1;
}
static_assert(is_in_order());

protocol protocol_of(framing kind) noexcept {
  switch (kind) {
    case framing::abridged:
      return protocol::mtp_abridged;
    case framing::intermediate:
      return protocol::mtp_intermediate;
    case framing::padded:
      return protocol::mtp_secure;
  }
  return {};
}

/// Nothing if it may come in.
std::optional<cause> why_not(const client_facts& client, const config::client_config& all,
                             const config::port_settings& port) {
  const auto allows = [&](protocol asked_for) { return all.allows(port, asked_for); };
  // A port says nothing of what it does not speak, not even an alert.
  if (client.tls && !allows(protocol::mtp_fake_tls)) return cause::disabled_protocol;
  if (!client.tls && !allows(protocol::mtp_abridged) && !allows(protocol::mtp_intermediate) &&
      !allows(protocol::mtp_secure))
    return cause::tls_client_hello_expected;
  // Each name has a secret: without a name there is none that the hello could be made with.
  if (client.error == errc::tls_invalid_digest && all.per_sni_secrets && client.sni.empty())
    return cause::tls_no_sni;
  if (client.error) return cause_of(*client.error);
  if (client.kind) {
    // Every client that speaks fake-TLS speaks padded inside it.
    const bool may =
        client.tls ? *client.kind == framing::padded : allows(protocol_of(*client.kind));
    if (!may) return cause::disabled_protocol;
  }
  if (client.has_wrong_clock) return cause::tls_clock_skew;
  if (client.is_replay) return cause::replay_session_detected;
  if (client.tls && !client.is_answered) {
    if (!is_our_domain(client.sni, all.domains_of(port))) return cause::tls_unknown_sni;
    if (client.has_early_data && all.fronting.mode != config::fronting_mode::off)
      return cause::tls_early_data;
  }
  return std::nullopt;
}

}  // namespace

cause cause_of(errc error) noexcept {
  switch (error) {
    case errc::abridged_max_size:
      return cause::abridged_max_size;
    case errc::intermediate_max_size:
      return cause::intermediate_max_size;
    case errc::not_aligned:
      return cause::not_aligned;
    case errc::tls_bad_client_hello:
      return cause::tls_bad_client_hello;
    case errc::tls_invalid_digest:
      return cause::tls_invalid_digest;
    case errc::tls_bad_record:
      return cause::tls_bad_record;
    default:
      // The other codecs see no bytes of clients.
      return cause::unknown_protocol;
  }
}

bool has_place(std::size_t connections, std::size_t newcomers,
               std::size_t max_connections) noexcept {
  return connections < max_connections && newcomers < max_connections - max_connections / 4;
}

client_handshake::options known_secrets(const config::client_config& all,
                                        const config::port_settings& port) {
  return {
      .secret = port.secret,
      .per_sni_salt = all.per_sni_secrets ? std::optional{all.per_sni_secret_salt} : std::nullopt};
}

verdict judge(const client_facts& client, const config::client_config& all,
              const config::port_settings& port, ticket taken) {
  if (const auto why = why_not(client, all, port)) {
    if (!client.is_answered)
      if (auto site = fronting_target_of(client.sni, client.tls, all, port))
        return forwarded{.why = *why, .to = std::move(*site)};
    const auto so_far = client.is_answered ? progress_made::hello_answered : progress_made::none;
    return turned_away{.why = *why, .how = farewell_of(*why, all, so_far)};
  }
  return admitted{.secret = &port.secret, .tag = &port.tag, .taken = std::move(taken)};
}

farewell farewell_of(cause why, const config::client_config& all, progress_made so_far) {
  const bool sealed = so_far == progress_made::hello_answered;
  const auto alert = sealed ? byte_view{} : about(why).alert;
  // A RST would overtake the alert.
  const bool is_owed_fin = so_far != progress_made::none || !alert.empty();
  return {.alert = alert, .sealed_alert = sealed, .reset = closes_with_reset(all, is_owed_fin)};
}

bool closes_with_reset(const config::client_config& all, bool is_established) {
  const auto option = all.reset_close_socket;
  return option == config::reset_close::always ||
         (option == config::reset_close::handshake_error && !is_established);
}

}  // namespace mtp::actors
