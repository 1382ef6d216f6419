#include "net/loop/socket_options.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {
namespace {

int option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(fd, IPPROTO_TCP, name, &value, &size) == 0);
  return value;
}

TEST_CASE("socket options: one lost keep-alive probe does not end a connection") {
  const unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  set_keep_alive(fd.get());
  // Linux drops a connection at the first probe without an answer once it has heard nothing for
  // TCP_USER_TIMEOUT, if that is set, and looks at TCP_KEEPCNT only if it is not
  // (tcp_keepalive_timer in net/ipv4/tcp_timer.c).
  const int all_probes = option(fd.get(), TCP_KEEPIDLE) +
                         option(fd.get(), TCP_KEEPCNT) * option(fd.get(), TCP_KEEPINTVL);
  CHECK(option(fd.get(), TCP_KEEPCNT) == 5);
  CHECK(option(fd.get(), TCP_USER_TIMEOUT) == all_probes * 1000);
}

}  // namespace
}  // namespace mtp::net
