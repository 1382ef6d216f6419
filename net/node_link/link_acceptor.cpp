#include "net/node_link/link_acceptor.hpp"

#include <openssl/ssl3.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <list>
#include <system_error>

#include "net/loop/accept_loop.hpp"
#include "net/loop/log_limiter.hpp"
#include "net/loop/socket_options.hpp"
#include "net/node_link/link_hello_origin.hpp"
#include "net/node_link/link_newcomers.hpp"
#include "net/node_link/link_socket.hpp"

namespace mtp::net {

namespace {

using namespace std::chrono_literals;

/// Strangers make one line in this time, at level info.
constexpr auto report_interval = 10s;

/// Plain connections are looked at this often: whether they have joined, or should have.
constexpr auto newcomer_interval = 250ms;

/// Bytes in front of a TLS record; the last two are its length.
constexpr std::size_t record_header = SSL3_RT_HEADER_LENGTH;

/// A front says hello at once: a connection without a byte is a stranger's after this. What is lost
/// on the way comes again after a second.
constexpr std::chrono::milliseconds longest_silence{1500};

constexpr auto place_was_needed = "its place was needed";

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
class link_acceptor::acceptor final : private accept_owner, private timer_owner {
 public:
  acceptor(pinned_actor& actor, link_acceptor_owner& owner, int listening,
           std::shared_ptr<const tls_credentials> credentials, const link_acceptor_limits& limits)
      : actor_{&actor},
        owner_{&owner},
        credentials_{std::move(credentials)},
        limits_{limits},
        loop_{actor, *this},
        unanswered_{limits.places},
        answered_{limits.places},
        newcomers_{limits.places, limits.handshake,
                   [this](const auto& session) { return owner_->has_joined(session); }},
        newcomer_timer_{*this},
        report_timer_{*this} {
    loop_.start(listening);
  }

  void move_to(int listening) {
    loop_.stop();
    loop_.start(listening);
  }
  void forward_strangers(std::optional<std::string> sni) { front_sni_ = std::move(sni); }
  void allow(node_names names) { names_ = std::make_shared<const node_names>(std::move(names)); }
  [[nodiscard]] std::size_t pending() { return pending_.size() + newcomers_.size(); }
  [[nodiscard]] reactor& home() noexcept { return actor_->home(); }
  void close();

 private:
  /// One connection whose handshake is under way.
  struct handshake final : io_source, link_places::holder, private timer_owner {
    handshake(acceptor& in, unique_fd socket, const endpoint& peer)
        : holder{peer.ip}, parent{&in}, fd{std::move(socket)}, remote{peer}, deadline{*this} {}

    void on_io(std::uint32_t) override {
      parent->actor_->run_as_handler([this] { parent->advance(*this); });
    }
    void on_flush() override {}
    void on_timer(timer&) override {
      parent->actor_->run_as_handler([this] { parent->on_overdue(*this); });
    }

    acceptor* parent;
    /// Empty once it is over: events in hand mean nothing then.
    unique_fd fd;
    endpoint remote;
    timer deadline;
    /// Its first record has begun: it is woken when all of it is there.
    bool has_begun = false;
    /// So much of its hello has come, when strangers are forwarded.
    std::size_t seen = 0;
    /// It is slow, and has had the time for silence.
    bool is_late = false;
    /// Made when its hello has come.
    std::unique_ptr<tls_channel> channel;
    std::uint32_t interest = EPOLLIN;
  };
  using handshake_list = std::list<std::unique_ptr<handshake>>;

  void on_accepted(unique_fd fd, const endpoint& remote) override { begin(std::move(fd), remote); }
  void on_exhausted(int error) override;
  void on_timer(timer& due) override {
    actor_->run_as_handler([&] {
      if (&due == &newcomer_timer_)
        look_at_newcomers();
      else
        report_rest();
    });
  }

  void begin(unique_fd fd, const endpoint& remote);
  void begin_plain(unique_fd fd, const endpoint& remote);
  void look_at_newcomers();
  void advance(handshake& conn);
  [[nodiscard]] static bool has_hello(handshake& conn);
  void on_overdue(handshake& conn);
  void give_away(handshake& conn);
  void answer(handshake& conn);
  void hand_over(handshake& conn);
  void refuse(handshake& conn, link_refusal why, const std::string& text);
  void refuse(link_session& session, link_refusal why, const std::string& text);
  /// For another one, if there is one that has to go.
  void crowd_out(link_places::holder* leaver);
  /// Takes it off the list; its socket is still open.
  unique_fd drop(handshake& conn);
  void report(const endpoint& remote, const std::string& text);
  void report_rest();
  void report_count(std::size_t connections);

  pinned_actor* actor_;
  link_acceptor_owner* owner_;
  std::shared_ptr<const tls_credentials> credentials_;
  link_acceptor_limits limits_;
  /// What fronts ask for, if others are forwarded.
  std::optional<std::string> front_sni_;
  std::shared_ptr<const node_names> names_ = std::make_shared<const node_names>();
  bool closed_ = false;
  accept_loop loop_;
  handshake_list pending_;
  /// Of those without and with a channel.
  link_places unanswered_;
  link_places answered_;
  /// Of the plain transport.
  link_newcomers newcomers_;
  timer newcomer_timer_;

  log_limiter refusals_{report_interval};
  /// Runs while refusals are left out: the rest of them is reported when it is due.
  timer report_timer_;
  std::string last_refusal_;
};

void link_acceptor::acceptor::close() {
  if (std::exchange(closed_, true)) return;
  loop_.stop();
  newcomer_timer_.cancel();
  report_timer_.cancel();
  while (!pending_.empty())
    home().close_later(drop(*pending_.front()));
}

void link_acceptor::acceptor::on_exhausted(int error) {
  if (const auto left_out = loop_.pause())
    spdlog::warn("node link: accepting pauses: {}{}", std::generic_category().message(error),
                 describe_left_out(*left_out));
}

void link_acceptor::acceptor::begin(unique_fd fd, const endpoint& remote) {
  set_no_delay(fd.get());
  if (credentials_ == nullptr) return begin_plain(std::move(fd), remote);
  // For a record's length.
  if (!front_sni_) set_low_water(fd.get(), record_header);
  auto& fresh = *pending_.emplace_back(std::make_unique<handshake>(*this, std::move(fd), remote));
  home().watch(fresh.fd.get(), fresh, fresh.interest);
  fresh.deadline.arm(home().timers(), front_sni_ ? longest_silence : limits_.handshake);
  crowd_out(unanswered_.add(fresh));
}

void link_acceptor::acceptor::begin_plain(unique_fd fd, const endpoint& remote) {
  if (!newcomers_.can_take_more()) {
    report(remote, "too many others come and go");
    return owner_->on_refused(link_refusal::crowded_out);
  }
  link_transport transport{std::move(fd), nullptr, remote};
  const auto leaver = newcomers_.add(transport.session(), home().now());
  if (!newcomer_timer_.armed()) newcomer_timer_.arm(home().timers(), newcomer_interval);
  owner_->on_link(std::move(transport));
  if (leaver != nullptr && !closed_) refuse(*leaver, link_refusal::crowded_out, place_was_needed);
}

void link_acceptor::acceptor::look_at_newcomers() {
  const auto overdue = newcomers_.take_overdue(home().now());
  if (!newcomers_.empty()) newcomer_timer_.arm(home().timers(), newcomer_interval);
  for (const auto& session : overdue)
    if (!closed_)
      refuse(*session, link_refusal::timed_out, "its BASP handshake did not come in time");
}

void link_acceptor::acceptor::crowd_out(link_places::holder* leaver) {
  if (leaver == nullptr) return;
  auto& conn = static_cast<handshake&>(*leaver);
  if (conn.channel == nullptr && front_sni_) return give_away(conn);
  refuse(conn, link_refusal::crowded_out, place_was_needed);
}

void link_acceptor::acceptor::advance(handshake& conn) {
  if (!conn.fd) return;
  if (conn.channel == nullptr) {
    const auto from = front_sni_        ? origin_of_hello(conn.fd.get(), *front_sni_, conn.seen)
                      : has_hello(conn) ? hello_origin::front
                                        : hello_origin::unknown;
    if (from == hello_origin::unknown) return;
    if (from == hello_origin::stranger) return give_away(conn);
    if (from == hello_origin::gone)
      return refuse(conn, link_refusal::closed, "it closed the connection");
    answer(conn);
    if (closed_) return;  // by the owner, who was told of the one that had to go
  }
  const auto progress = conn.channel->handshake();
  if (progress == tls_progress::done) return hand_over(conn);
  if (progress == tls_progress::failed)
    return refuse(conn, to_refusal(conn.channel->failure()), conn.channel->problem());
  const std::uint32_t interest = progress == tls_progress::want_write ? EPOLLOUT : EPOLLIN;
  if (interest == conn.interest) return;
  conn.interest = interest;
  home().rewatch(conn.fd.get(), conn, interest);
}

/// Whether its first record has come, or something else that TLS can judge. Until then a connection
/// costs little more than a descriptor, however much of it has come, and is woken twice at most.
bool link_acceptor::acceptor::has_hello(handshake& conn) {
  if (conn.has_begun) return true;
  std::array<std::uint8_t, record_header> header{};
  const auto size = ::recv(conn.fd.get(), header.data(), header.size(), MSG_PEEK);
  const std::size_t length = load_be16(byte_view{header}.subspan(3));
  if (size != record_header || header[0] != SSL3_RT_HANDSHAKE || header[1] != SSL3_VERSION_MAJOR ||
      length > SSL3_RT_MAX_PLAIN_LENGTH)
    return true;
  conn.has_begun = true;
  set_low_water(conn.fd.get(), record_header + length);
  return false;
}

void link_acceptor::acceptor::on_overdue(handshake& conn) {
  if (conn.channel != nullptr || !front_sni_)
    return refuse(conn, link_refusal::timed_out, "the handshake took too long");
  if (conn.seen == 0 || std::exchange(conn.is_late, true)) return give_away(conn);
  conn.deadline.arm(home().timers(), limits_.handshake - longest_silence);
}

void link_acceptor::acceptor::give_away(handshake& conn) {
  const auto remote = conn.remote;
  auto fd = drop(conn);
  set_low_water(fd.get(), 1);
  owner_->on_stranger(std::move(fd), remote);
}

void link_acceptor::acceptor::answer(handshake& conn) {
  set_low_water(conn.fd.get(), 1);
  conn.deadline.arm(home().timers(), limits_.handshake);
  conn.channel = std::make_unique<tls_channel>(credentials_->current(), conn.fd.get(), names_);
  unanswered_.remove(conn);
  crowd_out(answered_.add(conn));
}

void link_acceptor::acceptor::hand_over(handshake& conn) {
  auto channel = std::move(conn.channel);
  const auto remote = conn.remote;
  owner_->on_link(link_transport{drop(conn), std::move(channel), remote});
}

void link_acceptor::acceptor::refuse(handshake& conn, link_refusal why, const std::string& text) {
  report(conn.remote, text);
  auto fd = drop(conn);
  shut_gently(fd.get());
  home().close_later(std::move(fd));
  owner_->on_refused(why);
}

void link_acceptor::acceptor::refuse(link_session& session, link_refusal why,
                                     const std::string& text) {
  report(session.remote(), text);
  session.cut(text);
  owner_->on_refused(why);
}

unique_fd link_acceptor::acceptor::drop(handshake& conn) {
  conn.deadline.cancel();
  unanswered_.remove(conn);
  answered_.remove(conn);
  home().unwatch(conn.fd.get(), conn);
  auto fd = std::move(conn.fd);
  const auto at = std::find_if(pending_.begin(), pending_.end(),
                               [&](const auto& item) { return item.get() == &conn; });
  home().destroy_later(std::move(*at));
  pending_.erase(at);
  return fd;
}

/// Any stranger can connect: addresses are for level debug, and at level info there is a line now
/// and then.
void link_acceptor::acceptor::report(const endpoint& remote, const std::string& text) {
  spdlog::debug("node link: refused {}: {}", to_string(remote), text);
  last_refusal_ = text;
  const auto now = home().now();
  if (const auto left_out = refusals_.admit(now))
    report_count(*left_out + 1);
  else if (!report_timer_.armed())
    report_timer_.arm(home().timers(), *refusals_.begin() + report_interval - now);
}

void link_acceptor::acceptor::report_rest() {
  if (const auto left_out = refusals_.take_left_out(home().now()); left_out > 0)
    report_count(left_out);
}

void link_acceptor::acceptor::report_count(std::size_t connections) {
  spdlog::info("node link: refused {} connection{}; the last one: {}", connections,
               connections == 1 ? "" : "s", last_refusal_);
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

void link_acceptor::move_to(int listening) {
  acceptor_->move_to(listening);
}

void link_acceptor::allow(node_names names) {
  acceptor_->allow(std::move(names));
}

void link_acceptor::forward_strangers(std::optional<std::string> sni) {
  acceptor_->forward_strangers(std::move(sni));
}

void link_acceptor::close() {
  acceptor_->close();
}

std::size_t link_acceptor::pending() const {
  return acceptor_->pending();
}

}  // namespace mtp::net
