#include "net/tls/tls_context.hpp"

#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "codecs/node_link/link_hello.hpp"
#include "tests/support/process.hpp"
#include "tests/support/skipped.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

struct fixture {
  test::temporary_directory directory;
  test::certificate_authority ca{directory.path(), "ca"};
  tls_files good = ca.issue("back", {.name = "back1"});

  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory.path() / name).string();
  }
  [[nodiscard]] static std::string problem(const tls_files& files,
                                           tls_side side = tls_side::accepting) {
    const auto loaded = tls_context::load(files, side);
    REQUIRE_FALSE(loaded);
    return loaded.error();
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream{path(name)} << text;
  }
};

std::string text_of(const std::string& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST_CASE_FIXTURE(fixture, "tls context: files that are right are taken, for either side") {
  for (const auto side : {tls_side::accepting, tls_side::dialing}) {
    const auto loaded = tls_context::load(good, side);
    REQUIRE(loaded);
    CHECK((*loaded)->side() == side);
    CHECK((*loaded)->name() == "back1");
    const auto left = (*loaded)->expires() - std::chrono::system_clock::now();
    CHECK(left > 23h);
    CHECK(left <= 24h);
    CHECK(SSL_CTX_get_min_proto_version((*loaded)->get()) == TLS1_3_VERSION);
  }
}

TEST_CASE_FIXTURE(fixture, "tls context: certificates of CAs may follow the node's own") {
  write("chain.pem", text_of(good.certificate) + text_of(ca.file()));
  auto files = good;
  files.certificate = path("chain.pem");
  CHECK(tls_context::load(files, tls_side::accepting));
}

TEST_CASE_FIXTURE(fixture, "tls context: what is wrong with a file is told with its name") {
  auto files = good;
  files.certificate = path("absent.pem");
  CHECK(problem(files) == path("absent.pem") + ": No such file or directory");
  files.certificate = directory.path().string();
  CHECK(problem(files) == directory.path().string() + ": is not a file");
  write("text.pem", "hello");
  files.certificate = path("text.pem");
  CHECK(problem(files) == path("text.pem") + ": holds no certificate in PEM form");
  write("damaged.pem", text_of(good.certificate) + "-----BEGIN CERTIFICATE-----\nAAAA\n");
  files.certificate = path("damaged.pem");
  CHECK(problem(files).starts_with(path("damaged.pem") + ": holds a damaged certificate: "));
  write("large.pem", std::string((1 << 20) + 1, 'x'));
  files.certificate = path("large.pem");
  CHECK(problem(files) == path("large.pem") + ": is longer than 1 MiB");

  files = good;
  files.key = path("absent.key");
  CHECK(problem(files) == path("absent.key") + ": No such file or directory");
  files.key = good.certificate;
  CHECK(problem(files) == good.certificate + ": holds no private key in PEM form");
  files.ca = good.key;
  files.key = good.key;
  CHECK(problem(files) == good.key + ": holds no certificate in PEM form");
}

TEST_CASE_FIXTURE(fixture, "tls context: a pipe that nobody writes to does not hold it up") {
  REQUIRE(::mkfifo(path("pipe").c_str(), 0600) == 0);
  auto files = good;
  files.key = path("pipe");
  CHECK(problem(files) == path("pipe") + ": is not a file");
}

TEST_CASE_FIXTURE(fixture, "tls context: a file that may not be read") {
  if (::geteuid() == 0) return test::skip("no user but root, who may read everything");
  REQUIRE(::chmod(good.key.c_str(), 0) == 0);
  CHECK(problem(good) == good.key + ": Permission denied");
}

TEST_CASE_FIXTURE(fixture, "tls context: the key must be the certificate's, and not encrypted") {
  if (const auto lack = test::missing_program("openssl"); !lack.empty()) return test::skip(lack);
  auto files = good;
  files.key = ca.issue("other", {}).key;
  CHECK(problem(files) == files.key + ": is not the key of the certificate in " + good.certificate);
  test::process openssl{"/usr/bin/openssl",
                        {.arguments = {"pkey", "-in", good.key, "-aes256", "-passout", "pass:x",
                                       "-out", path("encrypted.key")},
                         .output = path("log")}};
  REQUIRE(openssl.wait(10s) == 0);
  files.key = path("encrypted.key");
  CHECK(problem(files) == files.key + ": the key is encrypted; keep it without a password");
}

TEST_CASE_FIXTURE(fixture, "tls context: a certificate that peers would refuse is refused here") {
  const auto expired = ca.issue("expired", {.from = -48h, .until = -24h});
  CHECK(problem(expired).starts_with(expired.certificate + ": the certificate expired on 20"));
  const auto early = ca.issue("early", {.from = 24h, .until = 48h});
  CHECK(problem(early).starts_with(early.certificate + ": the certificate is not valid before 20"));
  const auto client = ca.issue("client", {.usage = test::key_usage::client});
  CHECK(problem(client) ==
        client.certificate +
            ": the certificate is not for a TLS server (extended key usage serverAuth)");
  CHECK(tls_context::load(client, tls_side::dialing));
  const auto server = ca.issue("server", {.usage = test::key_usage::server});
  CHECK(problem(server, tls_side::dialing) ==
        server.certificate +
            ": the certificate is not for a TLS client (extended key usage clientAuth)");
  CHECK(tls_context::load(server, tls_side::accepting));
}

TEST_CASE_FIXTURE(fixture, "tls context: a node has one name, of letters that are safe to show") {
  const auto refused = [&](const test::certificate_options& options) {
    const auto files = ca.issue("odd", options);
    return problem(files) == files.certificate +
                                 ": the certificate has no name for a node: one CN of 1 to 63 "
                                 "letters, digits, \"-\", \"_\" and \".\"";
  };
  CHECK(refused({.name = "a b"}));
  CHECK(refused({.name = "b\xc3\xa4r"}));
  CHECK(refused({.name = "a\nb"}));
  CHECK(refused({.name = std::string{"a\0b", 3}}));
  CHECK(refused({.name = "a", .second_name = "b"}));
  CHECK(refused({.name = std::string(64, 'x')}));
  const auto longest = std::string(max_node_name, 'x');
  const auto loaded = tls_context::load(ca.issue("long", {.name = longest}), tls_side::accepting);
  REQUIRE(loaded);
  CHECK((*loaded)->name() == longest);
}

TEST_CASE_FIXTURE(fixture, "tls credentials: read again, unless the files are wrong") {
  const auto credentials = tls_credentials::open(good, tls_side::accepting);
  REQUIRE(credentials);
  const auto first = (*credentials)->current();
  const auto key = text_of(good.key);
  write("back.key", "nothing");
  const auto failed = (*credentials)->reload();
  REQUIRE_FALSE(failed);
  CHECK(failed.error() == good.key + ": holds no private key in PEM form");
  CHECK((*credentials)->current() == first);
  static_cast<void>(ca.issue("back", {.name = "back2"}));
  CHECK((*credentials)->reload());
  CHECK((*credentials)->current()->name() == "back2");
  CHECK(first->name() == "back1");
  CHECK_FALSE(tls_credentials::open({}, tls_side::accepting));
}

TEST_CASE_FIXTURE(fixture, "tls credentials: other files are kept while another thread reads") {
  const auto credentials = tls_credentials::open(good, tls_side::accepting);
  REQUIRE(credentials);
  const auto other = ca.issue("other", {.name = "other"});
  std::atomic<bool> done = false;
  std::thread looks{[&] {
    while (!done)
      static_cast<void>((*credentials)->reload());
  }};
  for (int i = 0; i < 50; ++i) {
    CHECK((*credentials)->reload(i % 2 == 0 ? other : good));
    CHECK((*credentials)->reload());
    CHECK((*credentials)->current()->name() == (i % 2 == 0 ? "other" : "back1"));
  }
  done = true;
  looks.join();
}

}  // namespace
}  // namespace mtp::net
