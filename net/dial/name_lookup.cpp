#include "net/dial/name_lookup.hpp"

#include <netdb.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <thread>

#include "net/loop/socket_address.hpp"

namespace mtp::net {

namespace {

/// What the thread leaves for the reactor.
struct lookup_result {
  std::mutex mutex;
  std::optional<name_lookup::answer> answer;
  /// Readable once there is an answer.
  unique_fd ready;
};

struct addrinfo_deleter {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

name_lookup::answer ask(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status == EAI_SYSTEM) return tl::unexpected{std::generic_category().message(errno)};
  if (status != 0) return tl::unexpected<std::string>{gai_strerror(status)};
  const std::unique_ptr<addrinfo, addrinfo_deleter> list{found};
  std::vector<endpoint> out;
  for (const auto* one = list.get(); one != nullptr && out.size() < name_lookup::max_addresses;
       one = one->ai_next) {
    if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::memcpy(&storage, one->ai_addr, one->ai_addrlen);
    const endpoint at{.ip = to_endpoint(storage).ip, .port = port};
    if (std::find(out.begin(), out.end(), at) == out.end()) out.push_back(at);
  }
  if (out.empty()) return tl::unexpected<std::string>{"it has no address"};
  return out;
}

}  // namespace

class name_lookup::waiter final : public io_source {
 public:
  waiter(reactor& home, const std::string& host, std::uint16_t port, callback done)
      : home_{&home}, done_{std::move(done)}, result_{std::make_shared<lookup_result>()} {
    result_->ready = unique_fd{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!result_->ready) throw std::system_error{errno, std::generic_category(), "eventfd"};
    std::thread{[result = result_, host, port] {
      auto answer = ask(host, port);
      const std::lock_guard lock{result->mutex};
      result->answer = std::move(answer);
      const std::uint64_t one = 1;
      static_cast<void>(!::write(result->ready.get(), &one, sizeof one));
    }}.detach();
    home_->watch(result_->ready.get(), *this, EPOLLIN);
  }

  /// The thread may still hold the result.
  void close() {
    if (result_ == nullptr) return;
    home_->unwatch(result_->ready.get(), *this);
    result_.reset();
  }

 private:
  void on_io(std::uint32_t) override {
    if (result_ == nullptr) return;
    std::optional<answer> found;
    {
      const std::lock_guard lock{result_->mutex};
      found = std::move(result_->answer);
    }
    if (!found) return;
    close();
    done_(std::move(*found));
  }
  void on_flush() override {}

  reactor* home_;
  callback done_;
  std::shared_ptr<lookup_result> result_;
};

name_lookup::name_lookup(reactor& home, const std::string& host, std::uint16_t port, callback done)
    : home_{&home}, waiter_{std::make_unique<waiter>(home, host, port, std::move(done))} {}

name_lookup::~name_lookup() {
  waiter_->close();
  home_->destroy_later(std::move(waiter_));
}

}  // namespace mtp::net
