#include "net/tls/tls_channel.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "codecs/client/tls_client_hello.hpp"
#include "tests/net/tls/tls_ends.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using fixture = tls_fixture;

TEST_CASE_FIXTURE(fixture, "tls channel: another connection's failure is not taken for its own") {
  const auto pair = shake_hands();
  bytes buffer(10);
  for (int i = 0; i < 3; ++i) {
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    if (i == 0) CHECK(pair.front->read(buffer).next == tls_progress::want_read);
    if (i == 1) CHECK(pair.front->await_data() == tls_progress::want_read);
    // Until the kernel takes no more.
    while (i == 2 && pair.front->write(bytes(100'000)).next == tls_progress::done) {
    }
  }
  CHECK(pair.front->problem().empty());
}

TEST_CASE_FIXTURE(
    fixture,
    "tls channel: the name that is asked for is in the hello, and is no other's business") {
  for (const std::string asked : {"", "www.example.com"}) {
    const auto sockets = make_connection();
    tls_channel front{front_context, sockets.front.get(),
                      std::make_shared<const node_names>(node_names{"back1"})};
    if (!asked.empty()) front.ask_for(asked);
    CHECK(front.handshake() == tls_progress::want_read);
    bytes hello(4096);
    const auto got = ::recv(sockets.back.get(), hello.data(), hello.size(), 0);
    REQUIRE(got > 0);
    hello.resize(static_cast<std::size_t>(got));
    CHECK(read_client_hello(hello).sni == asked);
  }
}

TEST_CASE_FIXTURE(fixture, "tls channel: a key is renewed after so many records") {
  const auto pair = shake_hands(3);
  const bytes data(100, 0x5a);
  bytes got(200);
  std::vector<std::size_t> on_wire;
  for (int i = 0; i < 7; ++i) {
    REQUIRE(pair.front->write(data).size == data.size());
    bytes peeked(1000);
    REQUIRE(eventually(
        [&] {
          const auto size = ::recv(pair.sockets.back.get(), peeked.data(), peeked.size(), MSG_PEEK);
          if (size > 0) on_wire.push_back(static_cast<std::size_t>(size));
          return size > 0;
        },
        5s));
    REQUIRE(pair.back->read(got).size == data.size());
    CHECK(std::ranges::equal(data, byte_view{got}.first(data.size())));
  }
  // A record adds 22 bytes; a KeyUpdate is one of 5.
  CHECK(on_wire == std::vector<std::size_t>{122, 122, 122, 149, 122, 122, 149});
}

TEST_CASE_FIXTURE(fixture, "tls channel: a key is renewed while the kernel takes no more") {
  auto pair = shake_hands(1);
  // The other end does not count: it would think so many keys a flood.
  pair.front->read_ahead();
  const int small = 65536;
  REQUIRE(::setsockopt(pair.sockets.front.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  const bytes data(std::size_t{512} * 1024);
  bytes into(std::size_t{64} * 1024);
  std::size_t at = 0;
  for (int blocked = 0; blocked < 1000;) {
    const auto wrote = pair.front->write(byte_view{data}.subspan(at));
    REQUIRE(wrote.next != tls_progress::failed);
    at = (at + wrote.size) % data.size();
    if (wrote.next != tls_progress::want_write) continue;
    ++blocked;
    // As always when something comes, such as a heartbeat.
    const auto got = pair.front->read(into);
    CHECK(pair.front->problem() == "");
    REQUIRE(got.next == tls_progress::want_read);
    for (int i = 0; i < 3; ++i)
      REQUIRE(pair.back->read(into).next != tls_progress::failed);
  }
}

TEST_CASE_FIXTURE(fixture, "tls channel: a peer that only changes keys is given up") {
  auto sockets = make_connection();
  const auto files = ca.issue("raw", {.name = "front1"});
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_method()),
                                                                  &SSL_CTX_free};
  REQUIRE(SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) == 1);
  const std::unique_ptr<SSL, decltype(&SSL_free)> peer{SSL_new(context.get()), &SSL_free};
  SSL_set_fd(peer.get(), sockets.front.get());
  SSL_set_connect_state(peer.get());
  tls_channel here{back_context, sockets.back.get(),
                   std::make_shared<const node_names>(node_names{"front1"})};
  REQUIRE(eventually(
      [&] {
        const bool done = SSL_do_handshake(peer.get()) == 1;
        return here.handshake() == tls_progress::done && done;
      },
      5s));
  here.read_ahead();
  bytes into(1000);
  const auto change_keys = [&](int times) {
    for (int i = 0; i < times; ++i) {
      REQUIRE(SSL_key_update(peer.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      REQUIRE(SSL_do_handshake(peer.get()) == 1);
    }
  };
  // Some are good manners.
  change_keys(10);
  REQUIRE(SSL_write(peer.get(), "hello", 5) == 5);
  REQUIRE(eventually([&] { return here.read(into).size == 5; }, 5s));
  change_keys(7);
  REQUIRE(eventually([&] { return here.read(into).next == tls_progress::failed; }, 5s));
  CHECK(here.problem() == "it changes keys all the time");
}

}  // namespace
}  // namespace mtp::net
