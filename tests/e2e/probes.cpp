#include "tests/e2e/probes.hpp"

#include <ctime>

#include "codecs/client/cover_probe.hpp"
#include "codecs/client/tls_client_hello.hpp"
#include "net/loop/entropy.hpp"
#include "tests/e2e/hand_made_hello.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

namespace {

/// Where nothing can come yet.
constexpr wait_for_silence shortly{30ms};

bytes hello(hello_shape shape, std::string_view sni = "example.com") {
  return make_cover_probe(shape, sni,
                          {.hybrid = net::random_x25519_share(),
                           .plain = net::random_x25519_share(),
                           .ech = net::random_x25519_share()},
                          net::random_array<cover_probe_random_size>())
      .record;
}

bytes clients_hello(const secret16& secret, std::string_view sni = "example.com") {
  return make_client_hello(secret, sni, static_cast<std::uint32_t>(std::time(nullptr)),
                           net::random_array<client_hello_random_size>());
}

/// The hello in two records, the first with so many bytes of it.
bytes in_two_records(const bytes& whole, std::size_t first) {
  const auto message = byte_view{whole}.subspan(5);
  return joined(record_of(22, 0x0301, message.first(first)),
                record_of(22, 0x0301, message.subspan(first)));
}

probe in_pieces(std::string name, const bytes& whole, std::initializer_list<std::size_t> cuts) {
  probe made{.name = std::move(name), .steps = {}};
  std::size_t from = 0;
  for (const auto cut : cuts) {
    made.steps.emplace_back(send_bytes{to_bytes(byte_view{whole}.subspan(from, cut - from))});
    made.steps.emplace_back(shortly);
    from = cut;
  }
  made.steps.emplace_back(send_bytes{to_bytes(byte_view{whole}.subspan(from))});
  return made;
}

void add(std::vector<probe>& into, std::string name, bytes data) {
  into.push_back({.name = std::move(name), .steps = {send_bytes{std::move(data)}}});
}

/// After the site's answer to a hello.
void add_after_answer(std::vector<probe>& into, const std::string& name, probe_step last) {
  into.push_back(
      {.name = "the site's answer, then " + name,
       .steps = {send_bytes{hello(hello_shape::x25519_only)}, answered, std::move(last)}});
}

bytes of_text(std::string_view text) {
  return to_bytes(as_bytes(text));
}

bytes tls12_hello(std::size_t version, std::size_t record_version = 0x0301) {
  return hand_made_hello{.record_version = record_version,
                         .version = version,
                         .suites = {0xc0, 0x2f, 0xc0, 0x13, 0x00, 0x9c, 0x00, 0x2f, 0x00, 0x0a},
                         .extensions = tls12_extensions()}
      .record();
}

bytes random_bytes(std::size_t size) {
  bytes filled(size);
  net::fill_random(filled);
  return filled;
}

/// Of a client that knows the secret, but not to be answered by us.
void add_secret_probes(std::vector<probe>& into, const secret16& secret, const bytes& used_hello) {
  add(into, "a client's hello, replayed", used_hello);
  into.push_back(in_pieces("a client's hello, replayed in pieces", used_hello, {5, 700}));
  add(into, "a client's hello, replayed in two records", in_two_records(used_hello, 300));
  // Not the last 4 bytes of its random, which are the clock.
  auto changed = used_hello;
  changed[client_random_at] ^= 1U;
  add(into, "a client's hello, replayed with a bit changed", changed);
  auto later = used_hello;
  later[client_random_at + client_digest_size] ^= 1U;
  add(into, "a client's hello, replayed with another clock", later);
  add(into, "a client's hello with bytes behind it",
      joined(clients_hello(secret), of_text("more")));
  add(into, "a client's hello for another name", clients_hello(secret, "example.net"));
  into.push_back({.name = "a client's hello, replayed, and bytes behind the answer",
                  .steps = {send_bytes{used_hello}, answered, send_bytes{random_bytes(64)}}});
}

}  // namespace

void add_hello_probes(std::vector<probe>& into) {
  for (const auto shape : all_hello_shapes)
    add(into, "hello " + std::string{hello_shape_names.at(static_cast<std::size_t>(shape))},
        hello(shape));
  const auto usual = hello_shape::x25519_only;
  add(into, "hello of a client with another secret", clients_hello(net::random_array<16>()));
  add(into, "hello without a name", hello(usual, ""));
  add(into, "hello for an unknown name", hello(usual, "www.example.net"));
  std::string longest;
  for (int i = 0; i < 4; ++i)
    longest += (i == 0 ? "" : ".") + std::string(i == 3 ? 61 : 63, static_cast<char>('a' + i));
  add(into, "hello for a name of 253 bytes", hello(usual, longest));
  add(into, "hello for a name in upper case", hello(usual, "EXAMPLE.COM"));
  add(into, "hello for a name with a dot behind it", hello(usual, "example.com."));
  add(into, "hello for an address", hello(usual, "127.0.0.1"));
  add(into, "hello for what is no name", hello(usual, "exa mple\n..com"));
  add(into, "TLS 1.2 only", tls12_hello(0x0303));
  add(into, "TLS 1.2 only, in the record, too", tls12_hello(0x0303, 0x0303));
  add(into, "TLS 1.1 only", tls12_hello(0x0302));
  add(into, "TLS 1.0 only", tls12_hello(0x0301));
  add(into, "SSLv3", tls12_hello(0x0300, 0x0300));
  const auto whole = hello(usual);
  into.push_back(in_pieces("hello, its first byte first", whole, {1}));
  into.push_back(in_pieces("hello, its record header first", whole, {5}));
  into.push_back(in_pieces("hello, cut in the middle", whole, {whole.size() / 2}));
  into.push_back(in_pieces("hello in six pieces", whole, {1, 2, 3, 6, 50}));
  add(into, "hello in two records", in_two_records(whole, whole.size() / 2));
  add(into, "hello in two records, the first of a byte", in_two_records(whole, 1));
  add(into, "two hellos", joined(whole, hello(usual)));
  add(into, "hello, and HTTP behind it", joined(whole, of_text("GET / HTTP/1.1\r\n\r\n")));
  const auto share = net::random_x25519_share();
  const auto known = tls13_extensions(share);
  add(into, "hello of TLS 1.3 only", hand_made_hello{.extensions = known}.record());
  add(into, "hello without a key share",
      hand_made_hello{.extensions = tls13_extensions({})}.record());
  add(into, "hello with a key share of zeros",
      hand_made_hello{.extensions = tls13_extensions(bytes(32, 0))}.record());
  const auto early =
      hand_made_hello{.extensions = joined(known, extension_of(0x002a, {}))}.record();
  add(into, "hello with early data", joined(early, record_of(23, 0x0303, random_bytes(100))));
  add_after_answer(into, "nothing", answered);
  add_after_answer(into, "half-close", half_close{});
  add_after_answer(into, "reset", reset_connection{});
  add_after_answer(into, "close_notify", send_bytes{record_of(21, 0x0303, bytes{1, 0})});
  add_after_answer(into, "a fatal alert", send_bytes{record_of(21, 0x0303, bytes{2, 42})});
  add_after_answer(into, "ChangeCipherSpec", send_bytes{record_of(20, 0x0303, bytes{1})});
  add_after_answer(into, "data that is not encrypted",
                   send_bytes{record_of(23, 0x0303, random_bytes(64))});
  add_after_answer(into, "another hello", send_bytes{whole});
  add_after_answer(into, "HTTP", send_bytes{of_text("GET / HTTP/1.1\r\n\r\n")});
}

void add_broken_tls_probes(std::vector<probe>& into) {
  const auto whole = hello(hello_shape::x25519_only);
  const auto half = to_bytes(byte_view{whole}.first(200));
  add(into, "half a hello", half);
  add(into, "a record header", to_bytes(byte_view{whole}.first(5)));
  into.push_back({.name = "half a hello, half-close", .steps = {send_bytes{half}, half_close{}}});
  into.push_back(
      {.name = "half a hello, reset", .steps = {send_bytes{half}, answered, reset_connection{}}});
  into.push_back({.name = "half a hello, silence, half-close",
                  .steps = {send_bytes{half}, wait_for_silence{500ms}, half_close{}}});
  into.push_back({.name = "half a hello, silence, the other half",
                  .steps = {send_bytes{half}, wait_for_silence{500ms},
                            send_bytes{to_bytes(byte_view{whole}.subspan(200))}}});
  add(into, "an empty record", record_of(22, 0x0301, {}));
  add(into, "an empty record, and a hello", joined(record_of(22, 0x0301, {}), whole));
  add(into, "a record that claims 16385 bytes", record_of(22, 0x0301, bytes(64, 1), 16385));
  add(into, "a record of 16385 bytes", record_of(22, 0x0301, random_bytes(16385)));
  add(into, "a record that claims 65535 bytes", record_of(22, 0x0301, bytes(64, 1), 65535));
  add(into, "ChangeCipherSpec first", record_of(20, 0x0301, bytes{1}));
  add(into, "an alert of TLS 1.2 first", record_of(21, 0x0303, bytes{1, 0}));
  add(into, "close_notify first", record_of(21, 0x0301, bytes{1, 0}));
  add(into, "a fatal alert first", record_of(21, 0x0301, bytes{2, 40}));
  add(into, "data first", record_of(23, 0x0303, random_bytes(64)));
  add(into, "heartbeat first", record_of(24, 0x0301, joined(bytes{1, 0, 16}, bytes(32, 7))));
  add(into, "Heartbleed", record_of(24, 0x0302, bytes{1, 0x40, 0}));
  add(into, "a record of type 99", record_of(99, 0x0301, random_bytes(64)));
  add(into, "a ServerHello", record_of(22, 0x0301, joined(bytes{2, 0, 0, 70, 3, 3}, bytes(68, 1))));
  add(into, "a Finished", record_of(22, 0x0301, joined(bytes{20, 0, 0, 12}, random_bytes(12))));
  const auto known = tls13_extensions(net::random_x25519_share());
  const hand_made_hello good{.extensions = known};
  for (const int by : {-1, 1, 100}) {
    auto message = good.message();
    store_be16(byte_span{message}.subspan(2), message.size() - 4 + static_cast<std::size_t>(by));
    add(into, "a hello whose size is off by " + std::to_string(by), record_of(22, 0x0301, message));
  }
  add(into, "a hello with bytes behind it in its record",
      record_of(22, 0x0301, joined(good.message(), bytes(20, 0))));
  const auto changed = [&](const std::string& name, auto change) {
    auto bad = good;
    change(bad);
    add(into, "a hello " + name, bad.record());
  };
  changed("without suites", [](auto& bad) { bad.suites = {}; });
  changed("with unknown suites", [](auto& bad) { bad.suites = {0x7a, 0x01, 0x7a, 0x02}; });
  changed("with half a suite", [](auto& bad) { bad.suites = {0x13, 0x01, 0x13}; });
  changed("without compressions", [](auto& bad) { bad.compressions = {}; });
  changed("with a compression", [](auto& bad) { bad.compressions = {1, 0}; });
  changed("without extensions", [](auto& bad) { bad.extensions = {}; });
  changed("with an unknown extension only",
          [](auto& bad) { bad.extensions = extension_of(0x7a7a, bytes(8, 1)); });
  changed("with an extension twice",
          [](auto& bad) { append(bad.extensions, extension_of(0x0017, {})); });
  changed("with a session id of 33 bytes", [](auto& bad) { bad.session_id = bytes(33, 1); });
  changed("with a session id of 255 bytes", [](auto& bad) { bad.session_id = bytes(255, 1); });
  changed("without a session id", [](auto& bad) { bad.session_id = {}; });
  changed("of the version 0304", [](auto& bad) { bad.version = 0x0304; });
  changed("of the version 0505", [](auto& bad) { bad.version = 0x0505; });
  changed("in a record of 0300", [](auto& bad) { bad.record_version = 0x0300; });
  changed("in a record of 0304", [](auto& bad) { bad.record_version = 0x0304; });
  changed("in a record of 0901", [](auto& bad) { bad.record_version = 0x0901; });
  // Version, sizes of suites, session id and challenge, suites, challenge.
  const bytes body{1, 0, 2, 0, 6, 0, 0, 0, 16, 1, 0, 0x80, 7, 0, 0xc0};
  add(into, "SSLv2", joined(joined(bytes{0x80, 31}, body), random_bytes(16)));
  const bytes compatible{1, 3, 3, 0, 9, 0, 0, 0, 16, 0, 0xc0, 0x2f, 0, 0, 0x2f, 0, 0, 0x0a};
  add(into, "TLS 1.2 in a hello of SSLv2",
      joined(joined(bytes{0x80, 34}, compatible), random_bytes(16)));
}

std::vector<probe> make_probes(const secret16& secret, const bytes& used_hello) {
  std::vector<probe> all;
  add_hello_probes(all);
  add_broken_tls_probes(all);
  add_plain_probes(all);
  add_secret_probes(all, secret, used_hello);
  return all;
}

}  // namespace mtp::test
