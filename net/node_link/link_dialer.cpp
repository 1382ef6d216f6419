#include "net/node_link/link_dialer.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "net/dial/limit_text.hpp"
#include "net/loop/socket_options.hpp"
#include "net/node_link/link_socket.hpp"

namespace mtp::net {

namespace {

/// BASP's accepting end begins with its handshake, whose type is 0 (caf::io::basp::message_type).
constexpr std::uint8_t first_basp_byte = 0;

}  // namespace

/// One dial, from the name to the first byte.
class link_dialer::dial_state final : private timer_owner {
 public:
  dial_state(link_dialer& dialer, link_target target, std::shared_ptr<const tls_context> context)
      : dialer_{&dialer},
        target_{std::move(target)},
        context_{std::move(context)},
        expected_{std::make_shared<const node_names>(node_names{target_.name})},
        deadline_{*this} {}

  /// These addresses, or those of the host if there are none.
  void connect(std::vector<endpoint> addresses);
  /// Gives everything back; nothing will be told.
  void stop();

 private:
  /// One connection. A new one for each: an event in hand may be of the one before.
  struct attempt final : io_source {
    attempt(dial_state& in, dialed connection) : parent{&in}, up{std::move(connection)} {}

    void on_io(std::uint32_t) override {
      if (up.fd) parent->dialer_->actor_->run_as_handler([this] { parent->advance(); });
    }
    void on_flush() override {}

    dial_state* parent;
    dialed up;
    std::unique_ptr<tls_channel> channel;
    std::uint32_t interest = EPOLLOUT;
  };
  enum class phase : std::uint8_t { handshake, first_byte };

  void on_timer(timer&) override {
    dialer_->actor_->run_as_handler([this] { on_deadline(); });
  }

  [[nodiscard]] reactor& home() const noexcept { return dialer_->actor_->home(); }
  void on_connected(dial_result result);
  void on_deadline();
  void advance();
  /// Acts on what TLS, or the plain socket, needs next.
  void proceed(tls_progress progress);
  tls_progress await_plain_data();
  void want(std::uint32_t events);
  void fail_attempt(const std::string& why);
  unique_fd drop_attempt();
  void note(const std::string& failures);
  void finish(tl::expected<link_transport, std::string> result);

  link_dialer* dialer_;
  link_target target_;
  std::shared_ptr<const tls_context> context_;
  std::shared_ptr<const node_names> expected_;
  phase phase_ = phase::handshake;
  timer deadline_;
  std::unique_ptr<dialing> dialing_;
  std::unique_ptr<attempt> attempt_;
  std::string plain_problem_;
  std::string failures_;
};

void link_dialer::dial_state::connect(std::vector<endpoint> addresses) {
  dialing_ = std::make_unique<dialing>(
      *dialer_->names_,
      dial_target{.host = target_.host,
                  .port = target_.port,
                  .bind_v4 = target_.bind_v4,
                  .bind_v6 = target_.bind_v6,
                  .addresses = std::move(addresses)},
      dial_limits{.connect = dialer_->limits_.connect}, [this](dial_result result) {
        dialer_->actor_->run_as_handler([&] { on_connected(std::move(result)); });
      });
}

void link_dialer::dial_state::stop() {
  deadline_.cancel();
  dialing_.reset();
  if (attempt_ != nullptr) home().close_later(drop_attempt());
}

void link_dialer::dial_state::on_connected(dial_result result) {
  dialing_.reset();
  if (!result) {
    note(result.error().text);
    return finish(tl::unexpected{failures_});
  }
  note(result->failures);
  attempt_ = std::make_unique<attempt>(*this, std::move(*result));
  const int fd = attempt_->up.fd.get();
  home().watch(fd, *attempt_, attempt_->interest);
  set_no_delay(fd);
  if (context_ != nullptr) {
    attempt_->channel = std::make_unique<tls_channel>(context_, fd, expected_);
    if (!target_.sni.empty()) attempt_->channel->ask_for(target_.sni);
  }
  phase_ = context_ != nullptr ? phase::handshake : phase::first_byte;
  deadline_.arm(home().timers(), dialer_->limits_.handshake);
  advance();
}

void link_dialer::dial_state::on_deadline() {
  const auto limit = limit_text(dialer_->limits_.handshake);
  if (phase_ == phase::handshake)
    return fail_attempt("TCP is up, but TLS got no answer within " + limit);
  fail_attempt(context_ != nullptr ? "TLS is up, but nothing came within " + limit
                                   : "TCP is up, but nothing came within " + limit +
                                         " (is it a node with transport = \"plain\"?)");
}

void link_dialer::dial_state::advance() {
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

tls_progress link_dialer::dial_state::await_plain_data() {
  std::uint8_t byte = 0;
  const auto size = ::recv(attempt_->up.fd.get(), &byte, sizeof byte, MSG_PEEK);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return tls_progress::want_read;
  if (size > 0 && byte == first_basp_byte) return tls_progress::done;
  if (size > 0)
    plain_problem_ = "it does not speak BASP";
  else
    plain_problem_ =
        size == 0 ? "it closed the connection" : std::generic_category().message(errno);
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
      const auto to = attempt_->up.remote;
      return finish(link_transport{drop_attempt(), std::move(channel), to});
    }
  }
}

void link_dialer::dial_state::want(std::uint32_t events) {
  if (attempt_->interest == events) return;
  attempt_->interest = events;
  home().rewatch(attempt_->up.fd.get(), *attempt_, events);
}

void link_dialer::dial_state::fail_attempt(const std::string& why) {
  note(to_string(attempt_->up.remote) + ": " + why);
  deadline_.cancel();
  auto untried = std::move(attempt_->up.untried);
  auto fd = drop_attempt();
  shut_gently(fd.get());
  home().close_later(std::move(fd));
  if (!untried.empty()) return connect(std::move(untried));
  // Perhaps it has moved: the next attempt looks its name up again.
  dialer_->names_->forget(target_.host);
  finish(tl::unexpected{failures_});
}

unique_fd link_dialer::dial_state::drop_attempt() {
  home().unwatch(attempt_->up.fd.get(), *attempt_);
  auto fd = std::move(attempt_->up.fd);
  home().destroy_later(std::move(attempt_));
  return fd;
}

void link_dialer::dial_state::note(const std::string& failures) {
  if (!failures_.empty() && !failures.empty()) failures_ += "; ";
  failures_ += failures;
}

void link_dialer::dial_state::finish(tl::expected<link_transport, std::string> result) {
  deadline_.cancel();
  home().destroy_later(std::move(dialer_->dial_));
  // It may be gone after this.
  dialer_->owner_->on_dialed(std::move(result));
}

link_dialer::link_dialer(pinned_actor& actor, resolver& names, link_dialer_owner& owner,
                         const link_dialer_limits& limits)
    : actor_{&actor}, names_{&names}, owner_{&owner}, limits_{limits} {}

link_dialer::~link_dialer() {
  cancel();
}

void link_dialer::dial(link_target target, std::shared_ptr<const tls_context> context) {
  cancel();
  dial_ = std::make_unique<dial_state>(*this, std::move(target), std::move(context));
  dial_->connect({});
}

void link_dialer::cancel() {
  if (dial_ == nullptr) return;
  dial_->stop();
  actor_->home().destroy_later(std::move(dial_));
}

}  // namespace mtp::net
