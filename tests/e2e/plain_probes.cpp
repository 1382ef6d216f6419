// Probes that speak no TLS.
#include "net/loop/entropy.hpp"
#include "tests/e2e/probes.hpp"

namespace mtp::test {

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\n\r\n";

send_bytes text(std::string_view said) {
  return {to_bytes(as_bytes(said))};
}

send_bytes random_of(std::size_t size) {
  send_bytes made{bytes(size)};
  net::fill_random(made.data);
  return made;
}

/// A header of MTProto: its first bytes, and what looks encrypted.
send_bytes header_of(std::initializer_list<std::uint8_t> first) {
  auto made = random_of(64);
  std::ranges::copy(first, made.data.begin());
  return made;
}

}  // namespace

void add_plain_probes(std::vector<probe>& into) {
  const auto add = [&](const std::string& name, std::vector<probe_step> steps) {
    into.push_back({.name = name, .steps = std::move(steps)});
  };
  add("GET", {text(get)});
  add("GET with LF only", {text("GET /\n\n")});
  add("HEAD", {text("HEAD / HTTP/1.1\r\nHost: example.com\r\n\r\n")});
  add("POST", {text("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello")});
  add("OPTIONS", {text("OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n")});
  add("CONNECT", {text("CONNECT example.net:443 HTTP/1.1\r\nHost: example.net:443\r\n\r\n")});
  add("a method that is none", {text("XYZZY / HTTP/1.1\r\nHost: example.com\r\n\r\n")});
  add("HTTP/1.0", {text("GET / HTTP/1.0\r\n\r\n")});
  add("HTTP/9.9", {text("GET / HTTP/9.9\r\n\r\n")});
  add("HTTP/2", {send_bytes{[] {
        auto preface = text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").data;
        append(preface, bytes{0, 0, 0, 4, 0, 0, 0, 0, 0});
        return preface;
      }()}});
  add("GET with a long address",
      {text("GET /" + std::string(20000, 'a') + " HTTP/1.1\r\nHost: example.com\r\n\r\n")});
  add("GET, slowly",
      {text("G"), answered, text("ET / HTTP/1.1\r\nHost: x\r\n"), answered, text("\r\n")});
  add("GET, half-close", {text(get), half_close{}});
  add("half of a GET", {text("GET / HT")});
  add("half of a GET, half-close", {text("GET / HT"), half_close{}});
  add("two GETs", {text(get + get)});
  add("GET, its answer, GET", {text(get), answered, text(get)});
  add("SSH", {text("SSH-2.0-OpenSSH_9.2\r\n")});
  add("SMTP", {text("EHLO example.com\r\n")});
  add("FTP", {text("USER anonymous\r\n")});
  add("RDP", {send_bytes{{3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0}}});
  add("Redis", {text("*1\r\n$4\r\nPING\r\n")});
  add("SOCKS5", {send_bytes{{5, 1, 0}}});
  add("SOCKS4", {send_bytes{{4, 1, 0, 80, 127, 0, 0, 1, 0}}});
  add("PROXY protocol", {text("PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n")});
  add("MTProto abridged", {header_of({0xef})});
  add("MTProto intermediate", {header_of({0xee, 0xee, 0xee, 0xee})});
  add("MTProto padded", {header_of({0xdd, 0xdd, 0xdd, 0xdd})});
  add("64 random bytes", {random_of(64)});
  add("63 random bytes", {random_of(63)});
  add("10 KiB of random bytes", {random_of(10240)});
  add("1 MiB of zeros", {send_bytes{bytes(1048576, 0)}});
  add("a byte", {text("x")});
  add("a byte of TLS", {send_bytes{{22}}});
  add("a byte of TLS, half-close", {send_bytes{{22}}, half_close{}});
  add("a byte, half-close", {text("x"), half_close{}});
  add("a byte, reset", {text("x"), answered, reset_connection{}});
  add("nothing", {});
  add("nothing, half-close", {half_close{}});
  add("nothing, reset", {answered, reset_connection{}});
  add("a line end", {text("\r\n")});
  add("zeros", {send_bytes{bytes(16, 0)}});
}

}  // namespace mtp::test
