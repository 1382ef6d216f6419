// Which clients are let in, and how others are turned away: without a socket.
#include "actors/client/admission.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

namespace mtp::actors {

doctest::String toString(cause id) {
  return doctest::String{about(id).name.data()};
}

namespace {

using config::protocol;
using config::reset_close;

struct door {
  config::client_config all;
  config::port_settings port{.name = "test", .secret = {1}, .tag = rpc::ad_tag{2}};

  /// Nothing: it is let in.
  [[nodiscard]] std::optional<cause> refusal_of(const client_facts& client) const {
    const auto judged = judge(client, all, port, {});
    const auto* const away = std::get_if<turned_away>(&judged);
    return away != nullptr ? std::optional{away->why} : std::nullopt;
  }
  void allow(std::vector<protocol> allowed) { all.allowed_protocols = std::move(allowed); }
};

/// Headers that know the secret, alone and inside fake-TLS.
client_facts header_of(framing kind) {
  return {.kind = kind};
}
client_facts tls_header_of(framing kind) {
  return {.tls = true, .is_answered = true, .kind = kind};
}
client_facts hello_of(std::string_view sni) {
  return {.tls = true, .sni = sni};
}
client_facts with_error(client_facts client, errc error) {
  client.error = error;
  return client;
}

// -- the table ----------------------------------------------------------------------------------

TEST_CASE("admission: every cause has a name of its own and a text for operators") {
  std::set<std::string_view> names;
  std::set<std::string_view> texts;
  for (const auto& row : causes) {
    CAPTURE(row.name);
    CHECK(&about(row.id) == &row);
    CHECK(names.insert(row.name).second);
    CHECK(texts.insert(row.text).second);
    CHECK_FALSE(row.text.empty());
    CHECK(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
  }
}

TEST_CASE("admission: what clients' codecs refuse is a cause of the same name") {
  for (const auto error : {errc::abridged_max_size, errc::intermediate_max_size, errc::not_aligned,
                           errc::unknown_protocol, errc::tls_bad_client_hello,
                           errc::tls_invalid_digest, errc::tls_bad_record})
    CHECK(about(cause_of(error)).name == to_string(error));
}

TEST_CASE("admission: doc/config.md has every cause, and what a client sees") {
  std::ifstream file{MTP_SOURCE_DIR "/doc/config.md"};
  REQUIRE(file);
  const std::string docs{std::istreambuf_iterator<char>{file}, {}};
  std::string table = "| Reason | Why | The client is sent |\n|---|---|---|\n";
  for (const auto& row : causes)
    table += "| `" + std::string{row.name} + "` | " + std::string{row.text} + " | " +
             (row.alert.empty() ? "nothing" : "the TLS alert `decode_error`") + " |\n";
  const auto at = docs.find(table);
  REQUIRE(at != std::string::npos);
  CHECK_FALSE(docs.substr(at + table.size()).starts_with('|'));
}

// -- the verdict --------------------------------------------------------------------------------

TEST_CASE_FIXTURE(door, "admission: a client that knows the secret has the port's secret and tag") {
  tally connections = 0;
  {
    const auto judged = judge(hello_of("example.com"), all, port, ticket{connections});
    REQUIRE(std::holds_alternative<admitted>(judged));
    CHECK(*std::get<admitted>(judged).secret == port.secret);
    CHECK(*std::get<admitted>(judged).tag == port.tag);
    CHECK(connections == 1);
  }
  CHECK(connections == 0);
}

TEST_CASE_FIXTURE(door, "admission: a client that is turned away has given everything back") {
  tally connections = 0;
  const auto judged = judge(with_error(header_of(framing::padded), errc::unknown_protocol), all,
                            port, ticket{connections});
  CHECK(std::holds_alternative<turned_away>(judged));
  CHECK(connections == 0);
}

TEST_CASE_FIXTURE(door, "admission: by default every protocol is let in") {
  for (const auto kind : {framing::abridged, framing::intermediate, framing::padded})
    CHECK(refusal_of(header_of(kind)) == std::nullopt);
  CHECK(refusal_of(hello_of("example.com")) == std::nullopt);
  CHECK(refusal_of(hello_of("")) == std::nullopt);
  CHECK(refusal_of(tls_header_of(framing::padded)) == std::nullopt);
}

TEST_CASE_FIXTURE(door, "admission: inside fake-TLS only padded is spoken") {
  CHECK(refusal_of(tls_header_of(framing::abridged)) == cause::disabled_protocol);
  CHECK(refusal_of(tls_header_of(framing::intermediate)) == cause::disabled_protocol);
}

TEST_CASE_FIXTURE(door, "admission: protocols that are not allowed are refused") {
  for (const auto& [kind, name] : {std::pair{framing::abridged, protocol::mtp_abridged},
                                   std::pair{framing::intermediate, protocol::mtp_intermediate},
                                   std::pair{framing::padded, protocol::mtp_secure}}) {
    allow({name, protocol::mtp_fake_tls});
    for (const auto other : {framing::abridged, framing::intermediate, framing::padded})
      CHECK(refusal_of(header_of(other)) ==
            (other == kind ? std::nullopt : std::optional{cause::disabled_protocol}));
    // Padded inside fake-TLS is fake-TLS.
    CHECK(refusal_of(tls_header_of(framing::padded)) == std::nullopt);
  }
}

TEST_CASE_FIXTURE(door, "admission: without fake-TLS no hello is answered, not even by an alert") {
  allow({protocol::mtp_secure});
  CHECK(refusal_of(hello_of("example.com")) == cause::disabled_protocol);
  for (const auto error : {errc::tls_bad_client_hello, errc::tls_invalid_digest})
    CHECK(refusal_of(with_error(hello_of(""), error)) == cause::disabled_protocol);
  CHECK(about(cause::disabled_protocol).alert.empty());
}

TEST_CASE_FIXTURE(door, "admission: where only fake-TLS is allowed, all else is told from it") {
  allow({protocol::mtp_fake_tls});
  CHECK(refusal_of(header_of(framing::padded)) == cause::tls_client_hello_expected);
  CHECK(refusal_of(with_error({}, errc::unknown_protocol)) == cause::tls_client_hello_expected);
  CHECK(refusal_of(hello_of("example.com")) == std::nullopt);
  CHECK(refusal_of(tls_header_of(framing::padded)) == std::nullopt);
}

TEST_CASE_FIXTURE(door, "admission: a port's own protocols count instead of everybody's") {
  allow({protocol::mtp_secure});
  port.allowed_protocols = {protocol::mtp_abridged};
  CHECK(refusal_of(header_of(framing::abridged)) == std::nullopt);
  CHECK(refusal_of(header_of(framing::padded)) == cause::disabled_protocol);
}

TEST_CASE_FIXTURE(door, "admission: a wrong secret is told from a hello that is none") {
  for (const auto error :
       {errc::tls_bad_client_hello, errc::tls_invalid_digest, errc::tls_bad_record})
    CHECK(refusal_of(with_error(hello_of("example.com"), error)) == cause_of(error));
  CHECK(refusal_of(with_error({}, errc::unknown_protocol)) == cause::unknown_protocol);
  // Without a name it may be a client, where names do not matter.
  CHECK(refusal_of(with_error(hello_of(""), errc::tls_invalid_digest)) ==
        cause::tls_invalid_digest);
}

TEST_CASE_FIXTURE(door, "admission: with per_sni_secrets, a hello needs a name") {
  all.per_sni_secrets = true;
  CHECK(refusal_of(with_error(hello_of(""), errc::tls_invalid_digest)) == cause::tls_no_sni);
  CHECK(refusal_of(with_error(hello_of("a"), errc::tls_invalid_digest)) ==
        cause::tls_invalid_digest);
  CHECK(refusal_of(with_error(hello_of(""), errc::tls_bad_client_hello)) ==
        cause::tls_bad_client_hello);
  CHECK(refusal_of(with_error(hello_of(""), errc::tls_bad_record)) == cause::tls_bad_record);
  CHECK(refusal_of(with_error({}, errc::unknown_protocol)) == cause::unknown_protocol);
  CHECK(refusal_of(header_of(framing::padded)) == std::nullopt);
}

TEST_CASE_FIXTURE(door, "admission: replays are refused, whatever they are of") {
  for (auto client :
       {header_of(framing::padded), hello_of("example.com"), tls_header_of(framing::padded)}) {
    client.is_replay = true;
    CHECK(refusal_of(client) == cause::replay_session_detected);
  }
}

TEST_CASE_FIXTURE(door, "admission: a hello with a wrong clock is refused as such") {
  auto client = hello_of("example.com");
  client.has_wrong_clock = true;
  CHECK(refusal_of(client) == cause::tls_clock_skew);
  CHECK(refusal_of(with_error(client, errc::tls_invalid_digest)) == cause::tls_invalid_digest);
}

TEST_CASE_FIXTURE(door, "admission: the salt counts if each name has a secret") {
  all.per_sni_secret_salt = "salt";
  CHECK(known_secrets(all, port).secret == port.secret);
  CHECK(known_secrets(all, port).per_sni_salt == std::nullopt);
  all.per_sni_secrets = true;
  CHECK(known_secrets(all, port).per_sni_salt == "salt");
}

// -- the cover site -----------------------------------------------------------------------------

struct door_with_site : door {
  door_with_site() {
    all.fronting.mode = config::fronting_mode::fixed;
    all.fronting.fixed = config::parse_fronting_target("192.0.2.1:443");
  }
  /// Why it is forwarded; nothing if it is not.
  [[nodiscard]] std::optional<cause> forwarded_for(const client_facts& client) const {
    const auto judged = judge(client, all, port, {});
    const auto* const away = std::get_if<forwarded>(&judged);
    if (away == nullptr) return std::nullopt;
    CHECK(config::to_string(away->to) == "192.0.2.1:443");
    return away->why;
  }
};

TEST_CASE_FIXTURE(door_with_site, "admission: with a site, strangers are forwarded to it") {
  CHECK(forwarded_for(with_error(hello_of("a.example"), errc::tls_invalid_digest)) ==
        cause::tls_invalid_digest);
  CHECK(forwarded_for(with_error({}, errc::unknown_protocol)) == cause::unknown_protocol);
  auto replay = hello_of("a.example");
  replay.is_replay = true;
  CHECK(forwarded_for(replay) == cause::replay_session_detected);
  allow({protocol::mtp_fake_tls});
  CHECK(forwarded_for(with_error({}, errc::unknown_protocol)) == cause::tls_client_hello_expected);
  CHECK_FALSE(forwarded_for(hello_of("a.example")));
}

TEST_CASE_FIXTURE(door_with_site, "admission: names that are not ours are the site's") {
  all.tls_domains = {"example.com"};
  CHECK_FALSE(forwarded_for(hello_of("example.com")));
  CHECK_FALSE(forwarded_for(hello_of("")));
  CHECK(forwarded_for(hello_of("example.org")) == cause::tls_unknown_sni);
  all.fronting.mode = config::fronting_mode::off;
  CHECK(refusal_of(hello_of("example.org")) == cause::tls_unknown_sni);
}

TEST_CASE_FIXTURE(door_with_site, "admission: bytes behind a hello are no client's, with a site") {
  auto early = hello_of("example.com");
  early.has_early_data = true;
  CHECK(forwarded_for(early) == cause::tls_early_data);
  all.fronting.mode = config::fronting_mode::off;
  CHECK_FALSE(refusal_of(early));
}

TEST_CASE_FIXTURE(door_with_site, "admission: a client whose hello was answered is not forwarded") {
  const auto wrong = with_error(tls_header_of(framing::padded), errc::unknown_protocol);
  CHECK_FALSE(forwarded_for(wrong));
  const auto judged = judge(wrong, all, port, {});
  CHECK(std::get<turned_away>(judged).how.sealed_alert);
  CHECK(refusal_of(tls_header_of(framing::abridged)) == cause::disabled_protocol);
}

// -- the farewell -------------------------------------------------------------------------------

TEST_CASE("admission: a RST as configured, but not over the alert that a handshake ends with") {
  config::client_config all;
  for (const auto& row : causes) {
    CAPTURE(row.name);
    for (const auto so_far :
         {progress_made::none, progress_made::hello_answered, progress_made::established}) {
      // An alert that is encrypted has no bytes to compare.
      const bool is_sealed = so_far == progress_made::hello_answered;
      const auto alert = is_sealed ? byte_view{} : row.alert;
      const auto resets = [&](reset_close option) {
        all.reset_close_socket = option;
        const auto how = farewell_of(row.id, all, so_far);
        CHECK(std::ranges::equal(how.alert, alert));
        CHECK(how.sealed_alert == is_sealed);
        return how.reset;
      };
      CHECK_FALSE(resets(reset_close::off));
      CHECK(resets(reset_close::always));
      CHECK(resets(reset_close::handshake_error) ==
            (so_far == progress_made::none && row.alert.empty()));
    }
  }
}

TEST_CASE("admission: a connection that just ends has a RST as configured") {
  config::client_config all;
  const auto resets = [&](reset_close option, bool is_established) {
    all.reset_close_socket = option;
    return closes_with_reset(all, is_established);
  };
  CHECK_FALSE(resets(reset_close::off, false));
  CHECK_FALSE(resets(reset_close::off, true));
  CHECK(resets(reset_close::handshake_error, false));
  CHECK_FALSE(resets(reset_close::handshake_error, true));
  CHECK(resets(reset_close::always, false));
  CHECK(resets(reset_close::always, true));
}

TEST_CASE("admission: only hellos that break rules get an alert") {
  for (const auto& row : causes) {
    const bool is_one = row.id == cause::tls_bad_client_hello || row.id == cause::tls_no_sni;
    CHECK(std::ranges::equal(row.alert,
                             is_one ? bytes{0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x32} : bytes{}));
  }
}

// -- places -------------------------------------------------------------------------------------

TEST_CASE("admission: a quarter of the places is kept for clients, where there are four") {
  const auto newcomer_places = [](std::size_t max_connections) {
    std::size_t newcomers = 0;
    while (has_place(newcomers, newcomers, max_connections))
      ++newcomers;
    return newcomers;
  };
  CHECK(newcomer_places(1) == 1);
  CHECK(newcomer_places(3) == 3);
  CHECK(newcomer_places(4) == 3);
  CHECK(newcomer_places(64000) == 48000);
}

TEST_CASE("admission: clients take places too") {
  CHECK(has_place(7, 0, 8));
  CHECK_FALSE(has_place(8, 0, 8));
  // The limit may have come down below what is there.
  CHECK_FALSE(has_place(100, 0, 8));
}

}  // namespace
}  // namespace mtp::actors
