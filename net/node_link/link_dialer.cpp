#include "net/node_link/link_dialer.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "net/dial/name_lookup.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/node_link/link_socket.hpp"

namespace mtp::net {

namespace {

std::string seconds(std::chrono::milliseconds limit) {
  const auto rest = limit.count() % 1000;
  return rest == 0 ? std::to_string(limit.count() / 1000) + " s"
                   : std::to_string(limit.count()) + " ms";
}

std::string system_text(int error) {
  return std::generic_category().message(error);
}

/// BASP's accepting end begins with its handshake, whose type is 0 (caf::io::basp::message_type).
constexpr std::uint8_t first_basp_byte = 0;

}  // namespace

/// One dial, from the name to the first byte.
class link_dialer::dial_state final : private io_source, private timer_owner {
 public:
  dial_state(link_dialer& dialer, link_target target, std::shared_ptr<const tls_context> context)
      : dialer_{&dialer},
        target_{std::move(target)},
        context_{std::move(context)},
        expected_{std::make_shared<const node_names>(node_names{target_.name})},
        deadline_{*this} {}

  void start();
  /// Gives everything back; nothing will be told.
  void stop();

 private:
  /// One address. A new one for each: an event in hand may be of the one before.
  struct attempt final : io_source {
    attempt(dial_state& in, const endpoint& address) : parent{&in}, to{address} {}

    void on_io(std::uint32_t) override {
      if (fd) parent->dialer_->actor_->run_as_handler([this] { parent->advance(); });
    }
    void on_flush() override {}

    dial_state* parent;
    endpoint to;
    unique_fd fd;
    std::unique_ptr<tls_channel> channel;
    std::uint32_t interest = EPOLLOUT;
  };
  enum class phase : std::uint8_t { lookup, connecting, handshake, first_byte };

  void on_io(std::uint32_t) override {}
  /// The beginning, if there is nothing to look up: not from within `dial`.
  void on_flush() override {
    dialer_->actor_->run_as_handler([this] { try_next(); });
  }

  void on_timer(timer&) override {
    dialer_->actor_->run_as_handler([this] { on_deadline(); });
  }

  [[nodiscard]] reactor& home() const noexcept { return dialer_->actor_->home(); }
  void look_up();
  void on_deadline();
  void try_next();
  /// False if it failed at once.
  bool connect();
  void advance();
  void finish_connect();
  /// Acts on what TLS, or the plain socket, needs next.
  void proceed(tls_progress progress);
  tls_progress await_plain_data();
  void want(std::uint32_t events);
  void fail_attempt(const std::string& why);
  unique_fd drop_attempt();
  void note(const std::string& where, const std::string& why);
  void finish(tl::expected<link_transport, std::string> result);

  link_dialer* dialer_;
  link_target target_;
  std::shared_ptr<const tls_context> context_;
  std::shared_ptr<const node_names> expected_;
  phase phase_ = phase::lookup;
  timer deadline_;
  std::unique_ptr<name_lookup> lookup_;
  std::vector<endpoint> addresses_;
  std::size_t next_ = 0;
  std::unique_ptr<attempt> attempt_;
  std::string plain_problem_;
  std::string failures_;
};

void link_dialer::dial_state::start() {
  if (const auto literal = ip_address::parse(target_.host)) {
    addresses_.push_back({.ip = *literal, .port = target_.port});
  } else {
    try {
      return look_up();
    } catch (const std::system_error& e) {
      note(target_.host, e.what());
    }
  }
  home().flush_later(*this);
}

void link_dialer::dial_state::look_up() {
  lookup_ = std::make_unique<name_lookup>(
      home(), target_.host, target_.port, [this](name_lookup::answer answer) {
        dialer_->actor_->run_as_handler([&] {
          lookup_.reset();
          if (answer)
            addresses_ = std::move(*answer);
          else
            note(target_.host, "can't find its address: " + answer.error());
          try_next();
        });
      });
  deadline_.arm(home().timers(), dialer_->limits_.lookup);
}

void link_dialer::dial_state::stop() {
  home().forget_flush(*this);
  deadline_.cancel();
  lookup_.reset();
  if (attempt_ != nullptr) home().close_later(drop_attempt());
}

void link_dialer::dial_state::on_deadline() {
  const auto& limits = dialer_->limits_;
  switch (phase_) {
    case phase::lookup:
      lookup_.reset();
      note(target_.host,
           "can't find its address: no answer to the look-up within " + seconds(limits.lookup));
      return try_next();
    case phase::connecting:
      return fail_attempt("no answer within " + seconds(limits.connect));
    case phase::handshake:
      return fail_attempt("TCP is up, but TLS got no answer within " + seconds(limits.handshake));
    case phase::first_byte:
      return fail_attempt(context_ != nullptr
                              ? "TLS is up, but nothing came within " + seconds(limits.handshake)
                              : "TCP is up, but nothing came within " + seconds(limits.handshake) +
                                    " (is it a node with transport = \"plain\"?)");
  }
}

void link_dialer::dial_state::try_next() {
  while (next_ < addresses_.size())
    if (connect()) return;
  finish(tl::unexpected{failures_});
}

bool link_dialer::dial_state::connect() {
  const auto to = addresses_[next_++];
  unique_fd fd{
      ::socket(to.ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const auto& from = to.ip.is_v4() ? target_.bind_v4 : target_.bind_v6;
  if (fd && from) {
    if (const int error = bind_source(fd.get(), *from); error != 0) {
      note(to_string(to), "from " + to_string(*from) + ": " + system_text(error));
      return false;
    }
  }
  const auto address = to_socket_address(to);
  if (!fd || (::connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)) {
    note(to_string(to), system_text(errno));
    return false;
  }
  attempt_ = std::make_unique<attempt>(*this, to);
  attempt_->fd = std::move(fd);
  // Up at once (loopback) or not, the result is reported from the loop.
  home().watch(attempt_->fd.get(), *attempt_, attempt_->interest);
  phase_ = phase::connecting;
  deadline_.arm(home().timers(), dialer_->limits_.connect);
  return true;
}

void link_dialer::dial_state::advance() {
  if (phase_ == phase::connecting) return finish_connect();
  auto& channel = attempt_->channel;
  if (channel == nullptr) return proceed(await_plain_data());
  if (phase_ == phase::handshake) {
    const auto progress = channel->handshake();
    if (progress != tls_progress::done) return proceed(progress);
    // The peer has not judged our certificate yet.
    phase_ = phase::first_byte;
  }
  proceed(channel->await_data());
}

void link_dialer::dial_state::finish_connect() {
  const int fd = attempt_->fd.get();
  if (const int error = take_error(fd); error != 0) return fail_attempt(system_text(error));
  prepare_link_socket(fd, dialer_->limits_.user_timeout);
  if (context_ != nullptr)
    attempt_->channel = std::make_unique<tls_channel>(context_, fd, expected_);
  phase_ = context_ != nullptr ? phase::handshake : phase::first_byte;
  deadline_.arm(home().timers(), dialer_->limits_.handshake);
  advance();
}

tls_progress link_dialer::dial_state::await_plain_data() {
  std::uint8_t byte = 0;
  const auto size = ::recv(attempt_->fd.get(), &byte, sizeof byte, MSG_PEEK);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return tls_progress::want_read;
  if (size > 0 && byte == first_basp_byte) return tls_progress::done;
  if (size > 0)
    plain_problem_ = "it does not speak BASP";
  else
    plain_problem_ = size == 0 ? "it closed the connection" : system_text(errno);
  return tls_progress::failed;
}

void link_dialer::dial_state::proceed(tls_progress progress) {
  switch (progress) {
    case tls_progress::want_read:
      return want(EPOLLIN);
    case tls_progress::want_write:
      return want(EPOLLOUT);
    case tls_progress::failed:
      return fail_attempt(attempt_->channel != nullptr ? attempt_->channel->problem()
                                                       : plain_problem_);
    case tls_progress::done: {
      auto channel = std::move(attempt_->channel);
      const auto to = attempt_->to;
      return finish(link_transport{drop_attempt(), std::move(channel), to});
    }
  }
}

void link_dialer::dial_state::want(std::uint32_t events) {
  if (attempt_->interest == events) return;
  attempt_->interest = events;
  home().rewatch(attempt_->fd.get(), *attempt_, events);
}

void link_dialer::dial_state::fail_attempt(const std::string& why) {
  note(to_string(attempt_->to), why);
  auto fd = drop_attempt();
  shut_gently(fd.get());
  home().close_later(std::move(fd));
  try_next();
}

unique_fd link_dialer::dial_state::drop_attempt() {
  home().unwatch(attempt_->fd.get(), *attempt_);
  auto fd = std::move(attempt_->fd);
  home().destroy_later(std::move(attempt_));
  return fd;
}

void link_dialer::dial_state::note(const std::string& where, const std::string& why) {
  if (!failures_.empty()) failures_ += "; ";
  failures_ += where + ": " + why;
}

void link_dialer::dial_state::finish(tl::expected<link_transport, std::string> result) {
  deadline_.cancel();
  home().destroy_later(std::move(dialer_->dial_));
  // It may be gone after this.
  dialer_->owner_->on_dialed(std::move(result));
}

link_dialer::link_dialer(pinned_actor& actor, link_dialer_owner& owner,
                         const link_dialer_limits& limits)
    : actor_{&actor}, owner_{&owner}, limits_{limits} {}

link_dialer::~link_dialer() {
  cancel();
}

void link_dialer::dial(link_target target, std::shared_ptr<const tls_context> context) {
  cancel();
  dial_ = std::make_unique<dial_state>(*this, std::move(target), std::move(context));
  dial_->start();
}

void link_dialer::cancel() {
  if (dial_ == nullptr) return;
  dial_->stop();
  actor_->home().destroy_later(std::move(dial_));
}

}  // namespace mtp::net
