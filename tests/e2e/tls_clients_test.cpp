// What real TLS clients make of the proxy.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "codecs/client/tls_client_hello.hpp"
#include "tests/e2e/harness.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

struct ssl_deleter {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

/// OpenSSL's client between two buffers, so that its hello can be signed on the way out.
class openssl_client {
 public:
  explicit openssl_client(const std::string& sni)
      : context_{SSL_CTX_new(TLS_client_method())}, ssl_{SSL_new(context_.get())} {
    // What the macros of OpenSSL's header do, without their casts.
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(sni.c_str()));
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, this);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
    SSL_set_msg_callback(ssl_.get(), [](int outgoing, int, int type, const void* data,
                                        std::size_t size, SSL*, void* user) {
      if (outgoing == 0 && type == SSL3_RT_HANDSHAKE && size > 0)
        static_cast<openssl_client*>(user)->received.push_back(
            *static_cast<const std::uint8_t*>(data));
    });
  }

  bytes hello() {
    CHECK(SSL_do_handshake(ssl_.get()) == -1);
    bytes records(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())));
    REQUIRE(BIO_read(SSL_get_wbio(ssl_.get()), records.data(), static_cast<int>(records.size())) ==
            static_cast<int>(records.size()));
    return records;
  }
  /// Takes what the server sent; returns OpenSSL's reason to be unhappy, 0 if it wants more.
  int take(byte_view data) {
    BIO_write(SSL_get_rbio(ssl_.get()), data.data(), static_cast<int>(data.size()));
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return 0;
    return ERR_GET_REASON(ERR_peek_error());
  }
  [[nodiscard]] int version() const { return SSL_version(ssl_.get()); }
  [[nodiscard]] std::string suite() const {
    return SSL_CIPHER_get_name(SSL_get_pending_cipher(ssl_.get()));
  }

  /// Types of the handshake messages it could read.
  std::vector<std::uint8_t> received;

 private:
  std::unique_ptr<SSL_CTX, ssl_deleter> context_;
  std::unique_ptr<SSL, ssl_deleter> ssl_;
};

/// Waits for at least `size` bytes.
bytes receive(net::blocking_socket& from, std::size_t size) {
  bytes received;
  bytes buffer(65536);
  while (received.size() < size) {
    const auto got = from.receive(buffer, soon());
    REQUIRE(got);
    REQUIRE(*got > 0);
    append(received, byte_view{buffer}.first(*got));
  }
  return received;
}

TEST_CASE("OpenSSL takes our answer to its hello for that of a TLS 1.3 server") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  openssl_client client{"example.com"};
  auto hello = client.hello();
  sign_client_hello(hello, proxy.secret(), static_cast<std::uint32_t>(std::time(nullptr)));
  auto socket = proxy.connect();
  REQUIRE(socket.send(hello, soon()));
  const auto flight = receive(socket, 2500);

  // ServerHello is read, its key share accepted, the compatibility CCS skipped. The record behind
  // it is random bytes: only a client that knows the secret does not mind.
  CHECK(client.take(flight) == SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
  constexpr std::uint8_t server_hello = 2;
  CHECK(client.received == std::vector{server_hello});
  CHECK(client.version() == TLS1_3_VERSION);
  CHECK(client.suite() == "TLS_AES_256_GCM_SHA384");
}

TEST_CASE("OpenSSL's hello without the secret gets no answer") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  openssl_client client{"example.com"};
  auto socket = proxy.connect();
  REQUIRE(socket.send(client.hello(), soon()));
  check_closed(socket);
}

struct tool_result {
  int status = -1;
  std::string output;
};

tool_result run_tool(const std::string& program, const std::vector<std::string>& arguments) {
  const temporary_directory place;
  process tool{program, {.arguments = arguments, .output = place.path() / "output"}};
  const auto status = tool.wait(20s);
  return {.status = status.value_or(-1), .output = tool.output()};
}

TEST_CASE("openssl s_client and curl are turned away, and nobody else notices") {
  for (const std::string program : {"openssl", "curl"})
    if (const auto lack = missing_program(program); !lack.empty()) return skip(lack);
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto bystander = proxy.client(all_protocols()[3]);
  check_echo(bystander);
  const auto at = "127.0.0.1:" + std::to_string(proxy.port());
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    const auto result = run_tool("/usr/bin/openssl", {"s_client", "-connect", at, "-servername",
                                                      "example.com", version, "-brief"});
    INFO(result.output);
    CHECK(result.status == 1);
    CHECK(result.output.find("CONNECTION ESTABLISHED") == std::string::npos);
  }
  constexpr int curl_ssl_error = 35;
  constexpr int curl_empty_reply = 52;
  const auto https = run_tool("/usr/bin/curl", {"-sSk", "https://" + at + "/"});
  INFO(https.output);
  CHECK(https.status == curl_ssl_error);
  const auto http = run_tool("/usr/bin/curl", {"-sS", "http://" + at + "/"});
  INFO(http.output);
  CHECK(http.status == curl_empty_reply);
  CHECK(proxy.metric("protocol_error_total{listener=\"test\",reason=\"tls_invalid_digest\"}") == 3);
  CHECK(proxy.metric("protocol_error_total{listener=\"test\",reason=\"unknown_protocol\"}") == 1);
  check_echo(bystander);
}

}  // namespace
}  // namespace mtp::test
