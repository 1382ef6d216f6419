#include "bench/tls_alone.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <ctime>
#include <future>
#include <stdexcept>

#include "net/loop/blocking_socket.hpp"
#include "net/loop/bound_port.hpp"
#include "net/tls/tls_channel.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t call_size = std::size_t{64} * 1024;
constexpr int patience_ms = 10'000;

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error{"TLS alone: " + why};
}

double thread_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Of one end.
class end {
 public:
  end(net::unique_fd fd, const net::tls_files& files, net::tls_side side, const std::string& peer)
      : fd_{std::move(fd)} {
    const auto context = net::tls_context::load(files, side);
    if (!context) fail(context.error());
    channel_.emplace(*context, fd_.get(),
                     std::make_shared<const net::node_names>(net::node_names{peer}));
  }

  void shake_hands() {
    for (auto next = channel_->handshake(); next != net::tls_progress::done;
         next = channel_->handshake())
      await(next);
    channel_->read_ahead();
  }
  void send(std::size_t size) {
    const bytes data(call_size);
    for (byte_view rest; size > 0;) {
      if (rest.empty()) rest = byte_view{data}.first(std::min(size, call_size));
      const auto sent = channel_->write(rest);
      rest = rest.subspan(sent.size);
      size -= sent.size;
      if (sent.next != net::tls_progress::done) await(sent.next);
    }
  }
  void receive(std::size_t size) {
    bytes into(call_size);
    while (size > 0) {
      const auto got = channel_->read(into);
      size -= got.size;
      if (got.size == 0) await(got.next);
    }
  }

 private:
  void await(net::tls_progress next) const {
    if (next == net::tls_progress::failed) fail(channel_->problem());
    const bool writes = next == net::tls_progress::want_write;
    pollfd watched{
        .fd = fd_.get(), .events = static_cast<short>(writes ? POLLOUT : POLLIN), .revents = 0};
    if (::poll(&watched, 1, patience_ms) != 1) fail("nothing moves");
  }

  net::unique_fd fd_;
  std::optional<net::tls_channel> channel_;
};

}  // namespace

tls_cost measure_tls(std::size_t size, const std::filesystem::path& directory) {
  const test::certificate_authority authority{directory, "ca-alone"};
  const auto files = authority.issue("alone", {.name = "alone"});
  auto place = *parse_endpoint("127.0.0.1:1");
  place.port = 0;
  auto listening = net::bound_port::bind(place, 1, false);
  if (!listening) fail(listening.error());
  auto there = net::blocking_socket::connect("127.0.0.1", listening->where().port,
                                             net::blocking_socket::clock::now() + 10s);
  if (!there) fail(there.error());
  net::unique_fd here{::accept4(listening->socket(0), nullptr, nullptr, SOCK_NONBLOCK)};

  end receiver{std::move(here), files, net::tls_side::accepting, "alone"};
  end sender{net::unique_fd{::fcntl(there->fd(), F_DUPFD_CLOEXEC, 0)}, files,
             net::tls_side::dialing, "alone"};
  auto received = std::async(std::launch::async, [&] {
    receiver.shake_hands();
    const auto begun = thread_cpu();
    receiver.receive(size);
    return thread_cpu() - begun;
  });
  sender.shake_hands();
  const auto begun = thread_cpu();
  sender.send(size);
  const auto scale = 1e9 / static_cast<double>(size);
  const auto sent = (thread_cpu() - begun) * scale;
  return {.send = sent, .receive = received.get() * scale};
}

}  // namespace mtp::bench
