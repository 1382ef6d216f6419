#include "net/dial/name_query.hpp"

#include <ares.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <system_error>

#include "net/dial/limit_text.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::net {

namespace {

struct addrinfo_freer {
  void operator()(ares_addrinfo* list) const noexcept { ares_freeaddrinfo(list); }
};

void start_library() {
  static std::once_flag once;
  // On Unix it only sets pointers to malloc, and can't fail.
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

std::vector<ip_address> addresses_of(const ares_addrinfo& found) {
  std::vector<ip_address> addresses;
  for (const auto* node = found.nodes; node != nullptr && addresses.size() < max_addresses;
       node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::memcpy(&storage, node->ai_addr, node->ai_addrlen);
    const auto ip = to_endpoint(storage).ip;
    if (std::ranges::find(addresses, ip) == addresses.end()) addresses.push_back(ip);
  }
  return addresses;
}

/// The shortest of the whole chain of names and addresses.
std::chrono::seconds ttl_of(const ares_addrinfo& found) {
  auto ttl = found.nodes->ai_ttl;
  for (const auto* node = found.nodes; node != nullptr; node = node->ai_next)
    ttl = std::min(ttl, node->ai_ttl);
  for (const auto* alias = found.cnames; alias != nullptr; alias = alias->next)
    ttl = std::min(ttl, alias->ttl);
  return std::chrono::seconds{ttl};
}

}  // namespace

/// A socket of c-ares, which opens and closes it. Events in hand may come after that.
struct name_query::watched final : io_source {
  watched(name_query& query, int socket) : parent{&query}, fd{socket} {}

  void on_io(std::uint32_t events) override {
    if (parent == nullptr) return;
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    const auto ready = [&](std::uint32_t wanted) {
      return (interest & wanted) != 0 && (broken || (events & wanted) != 0) ? fd : ARES_SOCKET_BAD;
    };
    parent->process(ready(EPOLLIN), ready(EPOLLOUT));
  }
  void on_flush() override {}

  /// Null when c-ares has closed it.
  name_query* parent;
  int fd;
  std::uint32_t interest = 0;
};

void name_query::channel_closer::operator()(ares_channeldata* channel) const noexcept {
  ares_destroy(channel);
}

name_query::name_query(event_loop& home, const std::string& host, name_query_options options,
                       callback done)
    : home_{&home},
      options_{std::move(options)},
      done_{std::move(done)},
      limit_{*this},
      next_try_{*this} {
  if (const int status = open_channel(); status == ARES_SUCCESS)
    ask(host);
  else
    result_ = {.answer = tl::unexpected{explain(status)}};
  if (result_) {
    home_->flush_later(*this);
  } else {
    limit_.arm(home_->timers(), options_.limit);
    arm_next_try();
  }
}

name_query::~name_query() {
  home_->forget_flush(*this);
}

int name_query::open_channel() {
  start_library();
  ares_options how{};
  how.timeout = static_cast<int>(options_.try_limit.count());
  how.tries = options_.rounds;
  how.resolvconf_path = options_.resolv_conf.data();
  how.udp_port = how.tcp_port = options_.server_port;
  how.sock_state_cb_data = this;
  how.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<name_query*>(self)->note_socket(fd, readable != 0, writable != 0);
  };
  ares_channel opened = nullptr;
  const int status =
      ares_init_options(&opened, &how,
                        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_RESOLVCONF |
                            ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS) channel_.reset(opened);
  return status;
}

void name_query::ask(const std::string& host) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(
      channel_.get(), host.c_str(), nullptr, &hints,
      [](void* self, int status, int, ares_addrinfo* found) {
        const std::unique_ptr<ares_addrinfo, addrinfo_freer> list{found};
        static_cast<name_query*>(self)->note_answer(status, found);
      },
      this);
}

void name_query::note_answer(int status, const ares_addrinfo* found) {
  if (status == ARES_EDESTRUCTION) return;
  if (status == ARES_SUCCESS) {
    if (auto addresses = addresses_of(*found); !addresses.empty()) {
      result_ = {.answer = std::move(addresses), .ttl = ttl_of(*found)};
      return;
    }
    status = ARES_ENODATA;
  }
  result_ = {.answer = tl::unexpected{explain(status)}};
}

void name_query::note_socket(int fd, bool readable, bool writable) {
  const std::uint32_t interest = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
  const auto known = std::ranges::find(sockets_, fd, [](const auto& entry) { return entry->fd; });
  try {
    if (interest == 0) {
      if (known == sockets_.end()) return;
      home_->unwatch(fd, **known);
      (*known)->parent = nullptr;
      home_->destroy_later(std::move(*known));
      sockets_.erase(known);
    } else if (known != sockets_.end()) {
      (*known)->interest = interest;
      home_->rewatch(fd, **known, interest);
    } else {
      auto added = std::make_shared<watched>(*this, fd);
      added->interest = interest;
      home_->watch(fd, *added, interest);
      sockets_.push_back(std::move(added));
    }
  } catch (const std::system_error&) {
    // Exceptions must not pass through c-ares. The answer is lost: the question runs into its
    // limit.
  }
}

void name_query::on_timer(timer& due) {
  if (&due == &limit_) {
    too_late_ = true;
    // Ends with what has come: of two families one may have been answered.
    ares_cancel(channel_.get());
    if (!result_) note_answer(ARES_ECANCELLED, nullptr);
    return finish();
  }
  process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void name_query::process(int readable, int writable) {
  ares_process_fd(channel_.get(), readable, writable);
  if (result_) return finish();
  arm_next_try();
}

void name_query::arm_next_try() {
  timeval left{};
  if (ares_timeout(channel_.get(), nullptr, &left) != nullptr)
    next_try_.arm(home_->timers(),
                  std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec});
}

lookup_failure name_query::explain(int status) const {
  switch (status) {
    case ARES_ENOTFOUND:
      return {lookup_problem::no_such_name, "there is no such name"};
    case ARES_EBADNAME:
      return {lookup_problem::no_such_name, "it can't be the name of a host"};
    case ARES_ENODATA:
      return {lookup_problem::no_address, "it has no address"};
    case ARES_ETIMEOUT:
      return {lookup_problem::failed, "no name server answers"};
    case ARES_ECONNREFUSED:
      // c-ares 1.18 does not tell these apart.
      return {lookup_problem::failed,
              "each name server fails (SERVFAIL), refuses, or can't be reached"};
    case ARES_ECANCELLED:
      if (too_late_)
        return {lookup_problem::failed,
                "no answer to the look-up within " + limit_text(options_.limit)};
      break;
    default:
      break;
  }
  return {lookup_problem::failed, ares_strerror(status)};
}

void name_query::finish() {
  limit_.cancel();
  next_try_.cancel();
  const auto done = std::move(done_);
  auto found = std::move(*result_);
  // This may be gone after it.
  done(std::move(found));
}

}  // namespace mtp::net
