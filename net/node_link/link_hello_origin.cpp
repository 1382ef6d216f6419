#include "net/node_link/link_hello_origin.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "codecs/client/tls_client_hello.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

/// Of a hello that a network on the way has cut in many records.
constexpr std::size_t max_record_headers = 1024;

bool has_finished(int fd) noexcept {
  pollfd at{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&at, 1, 0) > 0;
}

}  // namespace

hello_origin origin_of_hello(int fd, std::string_view front_sni, std::size_t& seen) {
  bytes first(max_client_hello + max_record_headers);
  const auto size = ::recv(fd, first.data(), first.size(), MSG_PEEK);
  if (size < 0)
    return errno == EAGAIN || errno == EINTR ? hello_origin::unknown : hello_origin::gone;
  seen = static_cast<std::size_t>(size);
  first.resize(seen);
  const auto hello = client_hello_assembler{}.next(first);
  if (!hello) return hello_origin::stranger;
  if (*hello) {
    const auto read = parse_client_hello((*hello)->record);
    const bool is_fronts = read && read->sni == front_sni && (*hello)->consumed == seen;
    return is_fronts ? hello_origin::front : hello_origin::stranger;
  }
  if (has_finished(fd)) return hello_origin::stranger;
  set_low_water(fd, seen + 1);
  return hello_origin::unknown;
}

}  // namespace mtp::net
