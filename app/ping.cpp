#include "app/ping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "codecs/base/text.hpp"
#include "codecs/client/secret.hpp"
#include "codecs/telegram/req_pq.hpp"
#include "net/client/proxy_client.hpp"
#include "net/dial/blocking_dial.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::app {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// The domain of a link that has none, when fake-TLS is asked for all the same; as the original.
constexpr std::string_view any_domain = "example.com";

struct protocol {
  std::string name;
  framing kind = framing::padded;
  std::optional<std::string> tls_domain;
};

using fractional_ms = std::chrono::duration<double, std::milli>;

struct timings {
  fractional_ms tcp{0};
  fractional_ms handshake{0};
  fractional_ms ping{0};

  [[nodiscard]] fractional_ms total() const { return tcp + handshake + ping; }
};

using outcome = tl::expected<timings, std::string>;

struct row {
  std::string protocol;
  dc_id dc = 0;
  /// The average of those that succeeded, or why the last one failed.
  outcome result;
  std::size_t succeeded = 0;
  std::size_t tried = 0;
};

std::string name_of(secret_kind kind) {
  switch (kind) {
    case secret_kind::classic:
      return "normal";
    case secret_kind::padded:
      return "secure";
    case secret_kind::fake_tls:
      return "fake-tls";
  }
  return {};
}

protocol make_protocol(const std::string& name, const proxy_secret& secret) {
  if (name == "normal") return {.name = name, .kind = framing::intermediate};
  if (name == "abridged") return {.name = name, .kind = framing::abridged};
  if (name == "secure") return {.name = name, .kind = framing::padded};
  return {.name = name,
          .kind = framing::padded,
          .tls_domain = secret.domain.empty() ? std::string{any_domain} : secret.domain};
}

fractional_ms since(clock::time_point start) {
  return clock::now() - start;
}

std::uint64_t message_id_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto fraction = static_cast<std::uint64_t>((now - seconds).count()) << 2;
  return static_cast<std::uint64_t>(seconds.count()) << 32 | (fraction & 0xffff'fffc);
}

outcome ping_once(const proxy_link& link, const protocol& how, dc_id dc, milliseconds timeout) {
  timings times;
  auto start = clock::now();
  auto socket = net::dial_blocking({.host = link.server, .port = link.port}, start + timeout);
  if (!socket) return tl::unexpected{"connect failed: " + socket.error()};
  times.tcp = since(start);

  start = clock::now();
  net::proxy_client client{
      std::move(*socket),
      {.secret = link.secret.key, .kind = how.kind, .dc = dc, .tls_domain = how.tls_domain}};
  if (const auto shaken = client.handshake(start + timeout); !shaken)
    return tl::unexpected{"handshake failed: " + shaken.error()};
  times.handshake = since(start);

  start = clock::now();
  const auto nonce = net::random_array<pq_nonce{}.size()>();
  if (const auto sent = client.send(make_req_pq(nonce, message_id_now()), false, start + timeout);
      !sent)
    return tl::unexpected{"sending req_pq failed: " + sent.error()};
  const auto answer = client.receive(start + timeout);
  if (!answer)
    return tl::unexpected{answer.error() == "closed"
                              ? "the proxy closed the connection after req_pq: wrong secret, "
                                "protocol not allowed, or no connection to this DC"
                              : "no answer to req_pq: " + answer.error()};
  const auto echoed = parse_res_pq(answer->packet);
  if (!echoed || *echoed != nonce)
    return tl::unexpected<std::string>{"the answer is not a resPQ with our nonce"};
  times.ping = since(start);
  return times;
}

timings average(const std::vector<timings>& all) {
  timings sum;
  for (const auto& times : all) {
    sum.tcp += times.tcp;
    sum.handshake += times.handshake;
    sum.ping += times.ping;
  }
  const auto count = static_cast<double>(all.size());
  return {.tcp = sum.tcp / count, .handshake = sum.handshake / count, .ping = sum.ping / count};
}

row ping_dc(const ping_options& options, const proxy_link& link, const protocol& how, dc_id dc) {
  std::vector<timings> good;
  outcome last = tl::unexpected<std::string>{"not tried"};
  for (unsigned i = 0; i < options.repeat; ++i) {
    last = ping_once(link, how, dc, options.timeout);
    if (last) good.push_back(*last);
    if (options.verbose && !last)
      fmt::print("  attempt {} of {} failed: {}\n", i + 1, options.repeat, last.error());
  }
  return {.protocol = how.name,
          .dc = dc,
          .result = good.empty() ? last : outcome{average(good)},
          .succeeded = good.size(),
          .tried = options.repeat};
}

void print_row(const row& row) {
  fmt::print("  {:<9}  DC {:<+6}:  ", row.protocol, row.dc);
  if (!row.result)
    fmt::print("ERROR {}", row.result.error());
  else
    fmt::print("tcp={:.1f}ms  handshake={:.1f}ms  ping={:.1f}ms  [total={:.1f}ms]  OK",
               row.result->tcp.count(), row.result->handshake.count(), row.result->ping.count(),
               row.result->total().count());
  if (row.tried > 1) fmt::print("  ({} of {})", row.succeeded, row.tried);
  fmt::print("\n");
  static_cast<void>(std::fflush(stdout));
}

void print_summary(const std::vector<protocol>& protocols, const std::vector<row>& rows) {
  fmt::print("\n=== Summary ===\n\nProtocols:\n");
  std::map<dc_id, std::vector<timings>> by_dc;
  for (const auto& protocol : protocols) {
    std::size_t good = 0;
    std::size_t all = 0;
    std::string reason;
    for (const auto& row : rows) {
      if (row.protocol != protocol.name) continue;
      ++all;
      if (row.result) {
        ++good;
        by_dc[row.dc].push_back(*row.result);
      } else {
        reason = row.result.error();
      }
    }
    fmt::print("  {:<9}  {:<8} ({}/{} DCs)  {}\n", protocol.name, good > 0 ? "OK" : "DISABLED",
               good, all, good > 0 ? "" : reason);
  }
  if (by_dc.empty()) return;
  fmt::print("\nAvg timings per DC:\n{:<6} {:<8}  {:<13}  {:<9}  {:<9}\n{:-<51}\n", "DC", "TCP(ms)",
             "Handshake(ms)", "Ping(ms)", "Total(ms)", "");
  for (const auto& [dc, all] : by_dc) {
    const auto mean = average(all);
    fmt::print("{:<+6} {:<8.1f}  {:<13.1f}  {:<9.1f}  {:<9.1f}\n", dc, mean.tcp.count(),
               mean.handshake.count(), mean.ping.count(), mean.total().count());
  }
}

}  // namespace

int run_ping(const ping_options& options) {
  const auto link = parse_link(options.link);
  if (!link) {
    fmt::print(
        stderr, "the link can't be used: {}\n",
        link.error() == errc::bad_secret
            ? "its secret is neither 32 hex digits, nor dd or ee and more, nor base64 of those"
            : "expected tg://proxy?server=...&port=...&secret=... or the same at "
              "https://t.me/proxy");
    return 2;
  }
  std::vector<protocol> protocols;
  const auto names =
      options.protocols.empty() ? std::vector{name_of(link->secret.kind)} : options.protocols;
  protocols.reserve(names.size());
  for (const auto& name : names)
    protocols.push_back(make_protocol(name, link->secret));

  // As in a URL, whatever a link holds: this goes to a terminal.
  const bool v6 = link->server.find(':') != std::string::npos;
  fmt::print("Proxy   : {0}{1}{2}:{3}\n", v6 ? "[" : "", printable(link->server), v6 ? "]" : "",
             link->port);
  if (!link->secret.domain.empty()) fmt::print("Domain  : {}\n", link->secret.domain);
  fmt::print(
      "Testing : {} protocol(s) x {} DC(s), timeout={}ms{}\n\n", protocols.size(),
      options.dcs.size(), options.timeout.count(),
      options.repeat > 1 ? fmt::format(", showing avg over {} repeats", options.repeat) : "");
  std::vector<row> rows;
  for (const auto& protocol : protocols)
    for (const auto dc : options.dcs) {
      rows.push_back(ping_dc(options, *link, protocol, dc));
      print_row(rows.back());
    }
  print_summary(protocols, rows);
  return std::ranges::all_of(rows, [](const row& row) { return row.result.has_value(); }) ? 0 : 1;
}

}  // namespace mtp::app
