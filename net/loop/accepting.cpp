#include "net/loop/accepting.hpp"

#include <cerrno>

namespace mtp::net {

namespace {

accept_result::kind outcome_of(int error) noexcept {
  switch (error) {
    case EAGAIN:
      return accept_result::kind::none;
    // A peer that left before it was accepted is no reason to stop.
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
      return accept_result::kind::again;
    default:
      return accept_result::kind::exhausted;
  }
}

}  // namespace

accept_result accept_from(int listening) noexcept {
  accept_result result;
  result.address_size = sizeof result.address;
  result.fd = unique_fd{::accept4(listening, reinterpret_cast<sockaddr*>(&result.address),
                                  &result.address_size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  result.error = result.fd ? 0 : errno;
  result.outcome = result.fd ? accept_result::kind::accepted : outcome_of(result.error);
  return result;
}

std::optional<std::size_t> accept_rest::begin(clock::time_point now) {
  until_ = now + time;
  return log_.admit(now);
}

}  // namespace mtp::net
