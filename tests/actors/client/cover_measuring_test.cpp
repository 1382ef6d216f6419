// Measuring a cover site: over sockets, with libssl at the other end.
#include "actors/client/cover_measuring.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "codecs/client/cover_profile.hpp"
#include "tests/codecs/client/cover_probes.hpp"
#include "tests/support/cover_site.hpp"
#include "tests/support/silent_listener.hpp"
#include "tests/support/tls_site.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;
using clock = net::blocking_socket::clock;

const std::atomic<bool> wanted = false;

cover_target target_at(std::uint16_t port) {
  return {
      .to = net::dial_target{.addresses = {{.ip = ip_address::v4({127, 0, 0, 1}), .port = port}}},
      .proxy = {},
      .refusal = {},
      .limit = 5s};
}

/// One visit: all that has come is passed to `answer`, and its result is sent in two pieces.
template <class Answer>
measured_flight visit(const cover_probe& probe, std::optional<proxy_version> proxy, Answer answer) {
  const test::cover_site site;
  measured_flight measured;
  auto target = target_at(site.port());
  target.proxy = proxy;
  std::jthread measuring{[&] { measured = measure_flight(target, probe, wanted); }};
  auto visitor = site.accept(clock::now() + 5s);
  bytes seen(65536);
  const auto got = visitor.receive(seen, clock::now() + 5s);
  REQUIRE(got);
  seen.resize(*got);
  const auto reply = bytes(answer(seen));
  const auto half = reply.size() / 2;
  REQUIRE(visitor.send(byte_view{reply}.first(half), clock::now() + 5s));
  REQUIRE(visitor.send(byte_view{reply}.subspan(half), clock::now() + 5s));
  measuring.join();
  return measured;
}

TEST_CASE("cover measuring: the flight of a TLS server is read until it is silent") {
  for (const auto shape : all_hello_shapes) {
    const auto probe = test::probe_of(shape);
    bytes sent;
    const auto measured = visit(probe, std::nullopt, [&](byte_view hello) {
      CHECK(to_bytes(hello) == probe.record);
      sent = test::tls_site{}.answer(hello);
      return sent;
    });
    CHECK(measured.trouble == "");
    REQUIRE(measured.flight.kind == flight_kind::tls13);
    // ServerHello and CCS before them, five bytes of header each.
    std::size_t size = 0;
    for (const auto record : measured.flight.records)
      size += record + 5;
    CHECK(size > 500);
    CHECK(size < sent.size());
    cover_profile profile;
    add_sample(profile, shape, measured.flight);
    CHECK(can_imitate(profile));
  }
}

TEST_CASE("cover measuring: a site behind the PROXY protocol gets a header of nobody") {
  const auto probe = test::probe_of(hello_shape::browser);
  for (const auto version : {proxy_version::v1, proxy_version::v2}) {
    const auto measured = visit(probe, version, [&](byte_view seen) {
      const auto header = make_proxy_header(version, std::nullopt);
      REQUIRE(seen.size() == header.size() + probe.record.size());
      CHECK(to_bytes(seen.first(header.size())) == header);
      return test::tls_site{}.answer(seen.subspan(header.size()));
    });
    CHECK(measured.flight.kind == flight_kind::tls13);
  }
}

TEST_CASE("cover measuring: what is no TLS server is told as what it is") {
  const auto probe = test::probe_of(hello_shape::browser);
  CHECK(visit(probe, std::nullopt, [](byte_view) {
          return to_bytes(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
        }).flight.kind == flight_kind::broken);
  CHECK(visit(probe, std::nullopt, [](byte_view hello) {
          return test::tls_site{.tls13 = false}.answer(hello);
        }).flight.kind == flight_kind::older_tls);
}

TEST_CASE("cover measuring: nobody there, nobody speaks, nobody waits") {
  const auto probe = test::probe_of(hello_shape::browser);
  const auto nobody = test::cover_site{}.port();
  auto measured = measure_flight(target_at(nobody), probe, wanted);
  CHECK(measured.flight.kind == flight_kind::none);
  CHECK(measured.trouble.find("refused") != std::string::npos);

  auto path = target_at(0);
  path.to = std::string{"/nowhere/site.sock"};
  measured = measure_flight(path, probe, wanted);
  CHECK(measured.trouble == "/nowhere/site.sock: No such file or directory");

  const test::cover_site silent;
  const std::atomic<bool> cancelled = true;
  measured = measure_flight(target_at(silent.port()), probe, cancelled);
  CHECK(measured.flight.kind == flight_kind::none);
  CHECK_FALSE(measured.trouble.empty());
}

}  // namespace
}  // namespace mtp::actors
