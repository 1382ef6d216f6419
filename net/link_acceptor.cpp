#include "net/link_acceptor.hpp"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <algorithm>
#include <list>
#include <system_error>

#include "net/link_socket.hpp"
#include "net/socket_address.hpp"

namespace mtp::net {

namespace {

using namespace std::chrono_literals;

/// Connections accepted before others on this reactor get their turn.
constexpr int accepts_per_turn = 64;
/// Out of descriptors, it looks again this often.
constexpr auto pause_time = 100ms;
/// Strangers make one line in this time, at level info.
constexpr auto report_interval = 10s;

link_refusal to_refusal(tls_failure failure) {
  switch (failure) {
    case tls_failure::closed:
      return link_refusal::closed;
    case tls_failure::not_tls:
      return link_refusal::not_tls;
    case tls_failure::certificate:
      return link_refusal::certificate;
    case tls_failure::name:
      return link_refusal::name;
    case tls_failure::refused:
      return link_refusal::refused_us;
    default:
      return link_refusal::protocol;
  }
}

}  // namespace

/// What the reactor has the address of: it outlives the `link_acceptor` by the rest of an
/// iteration.
class link_acceptor::acceptor final : public io_source, private timer_owner {
 public:
  acceptor(pinned_actor& actor, link_acceptor_owner& owner, int listening,
           std::shared_ptr<const tls_credentials> credentials, const link_acceptor_limits& limits)
      : actor_{&actor},
        owner_{&owner},
        listening_{listening},
        credentials_{std::move(credentials)},
        limits_{limits},
        resume_timer_{*this} {
    home().watch(listening_, *this, EPOLLIN);
    watching_ = true;
  }

  void allow(node_names names) { names_ = std::make_shared<const node_names>(std::move(names)); }
  [[nodiscard]] std::size_t pending() const noexcept { return pending_.size(); }
  [[nodiscard]] reactor& home() noexcept { return actor_->home(); }
  void close();

 private:
  /// One connection whose handshake is under way.
  struct handshake final : io_source, private timer_owner {
    handshake(acceptor& in, unique_fd socket, const endpoint& peer)
        : parent{&in}, fd{std::move(socket)}, remote{peer}, deadline{*this} {}

    void on_io(std::uint32_t) override {
      parent->actor_->run_as_handler([this] { parent->advance(*this); });
    }
    void on_flush() override {}
    void on_timer(timer&) override {
      parent->actor_->run_as_handler([this] {
        parent->refuse(*this, link_refusal::timed_out, "the handshake took too long");
      });
    }

    acceptor* parent;
    /// Empty once it is over: events in hand mean nothing then.
    unique_fd fd;
    endpoint remote;
    timer deadline;
    std::unique_ptr<tls_channel> channel;
    std::uint32_t interest = EPOLLIN;
  };
  using handshake_list = std::list<std::unique_ptr<handshake>>;

  void on_io(std::uint32_t) override {
    actor_->run_as_handler([this] { accept_some(); });
  }
  void on_flush() override {}
  void on_timer(timer&) override {
    actor_->run_as_handler([this] {
      home().watch(listening_, *this, EPOLLIN);
      watching_ = true;
      accept_some();
    });
  }

  void accept_some();
  /// False if nothing more can be accepted now.
  bool accept_one();
  void begin(unique_fd fd, const endpoint& remote);
  void pause(int error);
  void make_room(const ip_address& address);
  void crowd_out(const ip_address* address);
  void advance(handshake& which);
  void hand_over(handshake& which);
  void refuse(handshake& which, link_refusal why, const std::string& text);
  /// Takes it off the list; its socket is still open.
  unique_fd drop(handshake& which);
  void report(const endpoint& remote, const std::string& text);

  pinned_actor* actor_;
  link_acceptor_owner* owner_;
  int listening_;
  std::shared_ptr<const tls_credentials> credentials_;
  link_acceptor_limits limits_;
  std::shared_ptr<const node_names> names_ = std::make_shared<const node_names>();
  bool watching_ = false;
  bool closed_ = false;
  timer resume_timer_;
  /// Oldest first.
  handshake_list pending_;

  steady_clock::time_point warn_again_at_;
  steady_clock::time_point report_again_at_;
  std::size_t unreported_ = 0;
};

void link_acceptor::acceptor::close() {
  if (std::exchange(closed_, true)) return;
  if (watching_) home().unwatch(listening_, *this);
  watching_ = false;
  resume_timer_.cancel();
  while (!pending_.empty())
    home().close_later(drop(*pending_.front()));
}

void link_acceptor::acceptor::accept_some() {
  for (int i = 0; i < accepts_per_turn && watching_ && accept_one(); ++i) {
  }
}

bool link_acceptor::acceptor::accept_one() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  unique_fd fd{::accept4(listening_, reinterpret_cast<sockaddr*>(&address), &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (fd) {
    begin(std::move(fd), to_endpoint(address));
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    // A peer that left before it was accepted is no reason to stop.
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
      return true;
    default:
      pause(errno);
      return false;
  }
}

void link_acceptor::acceptor::pause(int error) {
  // Out of descriptors or memory, mostly: the socket stays readable.
  if (home().now() >= warn_again_at_) {
    spdlog::warn("node link: accepting pauses: {}", std::generic_category().message(error));
    warn_again_at_ = home().now() + report_interval;
  }
  home().unwatch(listening_, *this);
  watching_ = false;
  resume_timer_.arm(home().timers(), pause_time);
}

void link_acceptor::acceptor::begin(unique_fd fd, const endpoint& remote) {
  prepare_link_socket(fd.get(), limits_.user_timeout);
  if (credentials_ == nullptr) {
    owner_->on_link(link_transport{std::move(fd), nullptr, remote});
    return;
  }
  make_room(remote.ip);
  if (closed_) return;  // by the owner, who was told of the one that had to go
  auto& fresh = *pending_.emplace_back(std::make_unique<handshake>(*this, std::move(fd), remote));
  home().watch(fresh.fd.get(), fresh, fresh.interest);
  fresh.deadline.arm(home().timers(), limits_.handshake);
}

void link_acceptor::acceptor::make_room(const ip_address& address) {
  const auto from_there = std::count_if(pending_.begin(), pending_.end(),
                                        [&](const auto& one) { return one->remote.ip == address; });
  if (static_cast<std::size_t>(from_there) >= limits_.pending_per_address)
    crowd_out(&address);
  else if (pending_.size() >= limits_.pending)
    crowd_out(nullptr);
}

/// Of those that have said nothing, or else of all, the oldest one (from `address`, if given).
void link_acceptor::acceptor::crowd_out(const ip_address* address) {
  handshake* victim = nullptr;
  for (const auto& one : pending_) {
    if (address != nullptr && one->remote.ip != *address) continue;
    if (victim == nullptr) victim = one.get();
    if (one->channel != nullptr) continue;
    victim = one.get();
    break;
  }
  if (victim != nullptr) refuse(*victim, link_refusal::crowded_out, "its place was needed");
}

void link_acceptor::acceptor::advance(handshake& which) {
  if (!which.fd) return;
  // Made at the first byte: who says nothing costs little more than a descriptor.
  if (which.channel == nullptr)
    which.channel = std::make_unique<tls_channel>(credentials_->current(), which.fd.get(), names_);
  const auto progress = which.channel->handshake();
  if (progress == tls_progress::done) return hand_over(which);
  if (progress == tls_progress::failed)
    return refuse(which, to_refusal(which.channel->failure()), which.channel->problem());
  const std::uint32_t interest = progress == tls_progress::want_write ? EPOLLOUT : EPOLLIN;
  if (interest == which.interest) return;
  which.interest = interest;
  home().rewatch(which.fd.get(), which, interest);
}

void link_acceptor::acceptor::hand_over(handshake& which) {
  auto channel = std::move(which.channel);
  const auto remote = which.remote;
  owner_->on_link(link_transport{drop(which), std::move(channel), remote});
}

void link_acceptor::acceptor::refuse(handshake& which, link_refusal why, const std::string& text) {
  report(which.remote, text);
  auto fd = drop(which);
  shut_gently(fd.get());
  home().close_later(std::move(fd));
  owner_->on_refused(why);
}

unique_fd link_acceptor::acceptor::drop(handshake& which) {
  which.deadline.cancel();
  home().unwatch(which.fd.get(), which);
  auto out = std::move(which.fd);
  const auto at = std::find_if(pending_.begin(), pending_.end(),
                               [&](const auto& one) { return one.get() == &which; });
  home().destroy_later(std::move(*at));
  pending_.erase(at);
  return out;
}

/// Anybody can connect: addresses are for level debug, and at level info there is a line now and
/// then.
void link_acceptor::acceptor::report(const endpoint& remote, const std::string& text) {
  spdlog::debug("node link: refused {}: {}", to_string(remote), text);
  ++unreported_;
  if (home().now() < report_again_at_) return;
  spdlog::info("node link: refused {} connection{}; the last one: {}", unreported_,
               unreported_ == 1 ? "" : "s", text);
  unreported_ = 0;
  report_again_at_ = home().now() + report_interval;
}

link_acceptor::link_acceptor(pinned_actor& actor, link_acceptor_owner& owner, int listening,
                             std::shared_ptr<const tls_credentials> credentials,
                             const link_acceptor_limits& limits)
    : acceptor_{
          std::make_unique<acceptor>(actor, owner, listening, std::move(credentials), limits)} {}

link_acceptor::~link_acceptor() {
  acceptor_->close();
  auto& home = acceptor_->home();
  home.destroy_later(std::move(acceptor_));
}

void link_acceptor::allow(node_names names) {
  acceptor_->allow(std::move(names));
}

void link_acceptor::close() {
  acceptor_->close();
}

std::size_t link_acceptor::pending() const noexcept {
  return acceptor_->pending();
}

}  // namespace mtp::net
