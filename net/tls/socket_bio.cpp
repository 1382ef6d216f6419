#include "net/tls/socket_bio.hpp"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>

namespace mtp::net {

namespace {

socket_state& state_of(BIO* bio) {
  return *static_cast<socket_state*>(BIO_get_data(bio));
}

bool try_again(int error) {
  return error == EAGAIN || error == EINTR;
}

int write_some(BIO* bio, const char* data, int size) {
  auto& state = state_of(bio);
  BIO_clear_retry_flags(bio);
  const int flags = MSG_NOSIGNAL | (state.more_follows ? MSG_MORE : 0);
  const auto written = ::send(state.fd, data, static_cast<std::size_t>(size), flags);
  if (written >= 0) return static_cast<int>(written);
  if (try_again(errno))
    BIO_set_retry_write(bio);
  else
    state.error = errno;
  return -1;
}

int read_some(BIO* bio, char* data, int size) {
  auto& state = state_of(bio);
  BIO_clear_retry_flags(bio);
  const byte_span into{reinterpret_cast<std::uint8_t*>(data), static_cast<std::size_t>(size)};
  const auto got = state.ahead ? state.ahead->receive(state.fd, into)
                               : ::recv(state.fd, into.data(), into.size(), 0);
  if (got > 0) {
    if (!state.first_byte) state.first_byte = static_cast<std::uint8_t>(*data);
    return static_cast<int>(got);
  }
  if (got == 0) {
    state.ended = true;
  } else if (try_again(errno)) {
    state.is_drained = true;
    BIO_set_retry_read(bio);
  } else {
    state.error = errno;
  }
  return got == 0 ? 0 : -1;
}

long control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return state_of(bio).ended ? 1 : 0;
    default:
      return 0;
  }
}

BIO_METHOD* make_method() {
  auto* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
  if (method == nullptr || BIO_meth_set_write(method, &write_some) != 1 ||
      BIO_meth_set_read(method, &read_some) != 1 || BIO_meth_set_ctrl(method, &control) != 1)
    throw std::bad_alloc{};
  return method;
}

}  // namespace

BIO* make_socket_bio(socket_state& state) {
  // For the life of the process, as libcrypto's own methods.
  static BIO_METHOD* const method = make_method();
  auto* const bio = BIO_new(method);
  if (bio == nullptr) throw std::bad_alloc{};
  BIO_set_data(bio, &state);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace mtp::net
