// Ports at a UNIX socket, for clients that come through another proxy on this machine.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "codecs/client/proxy_header.hpp"
#include "tests/e2e/fronting_fixture.hpp"
#include "tests/e2e/reload_fixture.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const connection_ends visit{.source = {.ip = ip_address::v4({192, 0, 2, 7}), .port = 5678},
                            .destination = {.ip = ip_address::v4({192, 0, 2, 1}), .port = 443}};

/// A proxy with a port of secret 7 at a UNIX socket besides the usual one.
struct socket_port {
  temporary_directory place;
  std::string path = (place.path() / "clients.sock").string();
  cover_site site;
  reloaded on{"domain_fronting = { to = \"" + site.where() +
              "\", proxy_protocol = \"v1\" }\nmeasure_sites = false\n"};
  secret16 secret{7};

  explicit socket_port(const std::string& lines = {}) {
    add(lines);
    const auto added = on.reload();
    INFO(added.output);
    REQUIRE(added.status == 0);
    CHECK(contains(added.output, "ports.web: added, unix:" + path));
  }
  void add(const std::string& lines) const {
    on.write_with("", table_of("web", 443, secret) + "listen = \"unix:" + path + "\"\n" + lines);
  }
  [[nodiscard]] net::blocking_socket connect() const {
    auto fd = net::connect_unix(path);
    REQUIRE(fd);
    return net::blocking_socket{std::move(*fd)};
  }
  /// A client whose proxy tells of it.
  [[nodiscard]] net::proxy_client client(proxy_version version,
                                         const std::optional<connection_ends>& ends = visit) const {
    auto socket = connect();
    REQUIRE(socket.send(make_proxy_header(version, ends), soon()));
    return make_client(std::move(socket), secure_protocol(), 2, secret);
  }
  [[nodiscard]] struct stat about() const {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found;
  }
};

TEST_CASE("port at a UNIX socket: clients, whose addresses another proxy tells") {
  const socket_port to;
  for (const auto version : {proxy_version::v1, proxy_version::v2}) {
    auto client = to.client(version);
    check_echo(client);
    // The other proxy's own, as its health check.
    auto unknown = to.client(version, std::nullopt);
    check_echo(unknown);
  }
  CHECK(to.on.node().metric("in_connection_total{listener=\"web\"}") == 4);
  CHECK((to.about().st_mode & 0777) == 0660);
}

TEST_CASE("port at a UNIX socket: visitors are forwarded with their address") {
  const socket_port to;
  auto visitor = to.connect();
  REQUIRE(visitor.send(make_proxy_header(proxy_version::v2, visit), soon()));
  const auto hello = foreign_hello();
  REQUIRE(visitor.send(hello, soon()));
  auto at_site = to.site.accept(soon());
  const auto told = make_proxy_header(proxy_version::v1, visit);
  CHECK(receive(at_site, told.size()) == told);
  CHECK(receive(at_site, hello.size()) == hello);
  REQUIRE(at_site.send(of("answer"), soon()));
  CHECK(receive(visitor, 6) == of("answer"));
  // Its end reaches the other one, either way.
  REQUIRE(::shutdown(visitor.fd(), SHUT_WR) == 0);
  check_finished(at_site);
  REQUIRE(::shutdown(at_site.fd(), SHUT_WR) == 0);
  check_finished(visitor);
}

TEST_CASE("port at a UNIX socket: a connection without a header is closed") {
  const socket_port to;
  auto silent = to.connect();
  auto direct = to.connect();
  REQUIRE(direct.send(hello_for(to.secret), soon()));
  check_finished(direct);
  check_finished(silent);
  CHECK(to.on.node().metric("protocol_error_total{listener=\"web\",reason=\"bad_proxy_header\"}") ==
        2);
}

TEST_CASE("port at a UNIX socket: reload effects: listen, listen_mode, listen_group") {
  const socket_port to;
  auto client = to.client(proxy_version::v1);
  check_echo(client);
  // Only root may give a file to a group that it is not a member of.
  const auto group = ::geteuid() == 0 ? gid_t{65534} : ::getegid();
  const auto wanted = "listen_mode = \"0600\"\nlisten_group = \"" + std::to_string(group) + "\"\n";
  to.add(wanted);
  auto result = to.on.reload();
  INFO(result.output);
  REQUIRE(result.status == 0);
  CHECK((to.about().st_mode & 0777) == 0600);
  CHECK(to.about().st_gid == group);
  auto next = to.client(proxy_version::v1);
  check_echo(next);

  to.add("listen_group = \"no-such-group\"\n");
  result = to.on.reload();
  CHECK(result.status == 1);
  CHECK(contains(result.output, "web: this machine has no group no-such-group"));
  CHECK((to.about().st_mode & 0777) == 0600);
  // What is wrong with another port keeps this one as it is, too.
  to.on.write_with("", table_of("web", 443, to.secret) + "listen = \"unix:" + to.path + "\"\n" +
                           table_of("other", 444, to.secret) + "listen = \"unix:/proc/no/a\"\n");
  result = to.on.reload();
  CHECK(result.status == 1);
  CHECK(contains(result.output, "other: can't make /proc/no"));
  CHECK((to.about().st_mode & 0777) == 0600);
  CHECK(to.about().st_gid == group);

  // Somebody has removed the file: a reload makes it anew.
  REQUIRE(::unlink(to.path.c_str()) == 0);
  to.add(wanted);
  REQUIRE(to.on.reload().status == 0);
  auto found = to.client(proxy_version::v1);
  check_echo(found);

  // The port at an address: those connected stay, the socket goes.
  const auto port = free_port();
  to.on.write_with("", table_of("web", port, to.secret));
  result = to.on.reload();
  INFO(result.output);
  REQUIRE(result.status == 0);
  CHECK(::access(to.path.c_str(), F_OK) != 0);
  auto direct = to.on.client_at(port, to.secret);
  check_echo(direct);
  check_echo(client);
  check_echo(next);
  to.add({});
  REQUIRE(to.on.reload().status == 0);
  auto back = to.client(proxy_version::v2);
  check_echo(back);
}

TEST_CASE("port at a UNIX socket: a path that is taken is refused, a dead socket is replaced") {
  const socket_port to;
  socket_port other;
  other.path = to.path;
  other.add({});
  const auto refused = other.on.reload();
  CHECK(refused.status == 1);
  CHECK(contains(refused.output, to.path + " is served by another process"));
  auto client = to.client(proxy_version::v1);
  check_echo(client);

  to.on.node().program().signal(SIGKILL);
  REQUIRE(to.on.node().program().wait(10s));
  CHECK(::access(to.path.c_str(), F_OK) == 0);
  REQUIRE(other.on.reload().status == 0);
  auto heir = other.client(proxy_version::v1);
  check_echo(heir);
}

}  // namespace
}  // namespace mtp::test
