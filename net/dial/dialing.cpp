#include "net/dial/dialing.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "codecs/base/text.hpp"
#include "net/dial/limit_text.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

}  // namespace

/// One address.
struct dialing::attempt final : io_source, timer_owner {
  attempt(dialing& in, const endpoint& address, unique_fd socket)
      : parent{&in}, to{address}, fd{std::move(socket)}, limit{*this} {}

  void on_io(std::uint32_t) override {
    // It may have been dropped in this iteration.
    if (!fd) return;
    if (const int error = take_error(fd.get()); error != 0)
      parent->on_failed(*this, error, errno_text(error));
    else
      parent->on_up(*this);
  }
  void on_flush() override {}
  void on_timer(timer&) override {
    parent->on_failed(*this, ETIMEDOUT, "no answer within " + limit_text(parent->limits_.connect));
  }

  dialing* parent;
  endpoint to;
  unique_fd fd;
  timer limit;
};

dialing::dialing(resolver& names, dial_target target, const dial_limits& limits, callback done)
    : names_{&names},
      target_{std::move(target)},
      limits_{limits},
      done_{std::move(done)},
      stagger_{*this} {
  if (target_.addresses.empty())
    lookup_ = std::make_unique<name_lookup>(
        names, target_.host, [this](name_answer answer) { on_found(std::move(answer)); });
  else
    names.home().flush_later(*this);
}

dialing::~dialing() {
  auto& home = names_->home();
  home.forget_flush(*this);
  while (!attempts_.empty())
    home.close_later(drop(*attempts_.back()));
}

void dialing::on_found(name_answer answer) {
  lookup_.reset();
  if (answer) {
    for (const auto& ip : in_turns(*answer)) {
      if (target_.forbids && target_.forbids(ip))
        note(to_string(ip), EACCES, "this name may not lead to it");
      else
        target_.addresses.push_back({.ip = ip, .port = target_.port});
    }
  } else {
    note(printable(target_.host), EHOSTUNREACH, "can't find its address: " + answer.error().text);
  }
  try_next();
}

void dialing::try_next() {
  while (next_ < target_.addresses.size())
    if (try_address(target_.addresses[next_++])) {
      if (next_ < target_.addresses.size()) stagger_.arm(names_->home().timers(), limits_.stagger);
      return;
    }
  if (!attempts_.empty()) return;
  // Perhaps it has moved: the next dial asks again. That there is no such name is kept.
  if (!target_.addresses.empty()) names_->forget(target_.host);
  finish(tl::unexpected{std::move(failure_)});
}

bool dialing::try_address(const endpoint& to) {
  const auto family = to.ip.is_v4() ? AF_INET : AF_INET6;
  unique_fd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const auto& from = to.ip.is_v4() ? target_.bind_v4 : target_.bind_v6;
  if (fd && from) {
    if (const int error = bind_source(fd.get(), *from); error != 0) {
      note(to_string(to), error, "from " + to_string(*from) + ": " + errno_text(error));
      return false;
    }
  }
  const auto address = to_socket_address(to);
  if (!fd || (::connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)) {
    const int error = errno;
    note(to_string(to), error, errno_text(error));
    return false;
  }
  auto& home = names_->home();
  auto added = std::make_unique<attempt>(*this, to, std::move(fd));
  try {
    // Up at once (loopback) or not, the result is reported from the loop.
    home.watch(added->fd.get(), *added, EPOLLOUT);
  } catch (const std::system_error& e) {
    note(to_string(to), e.code().value(), e.what());
    return false;
  }
  added->limit.arm(home.timers(), limits_.connect);
  attempts_.push_back(std::move(added));
  return true;
}

void dialing::on_up(attempt& winner) {
  const auto remote = winner.to;
  auto fd = drop(winner);
  std::vector<endpoint> untried;
  while (!attempts_.empty()) {
    untried.push_back(attempts_.front()->to);
    names_->home().close_later(drop(*attempts_.front()));
  }
  untried.insert(untried.end(), target_.addresses.begin() + static_cast<std::ptrdiff_t>(next_),
                 target_.addresses.end());
  const auto local = local_endpoint(fd.get());
  finish(dialed{.fd = std::move(fd),
                .local = local,
                .remote = remote,
                .untried = std::move(untried),
                .failures = std::move(failure_.text)});
}

void dialing::on_failed(attempt& loser, int error, const std::string& reason) {
  note(to_string(loser.to), error, reason);
  names_->home().close_later(drop(loser));
  try_next();
}

unique_fd dialing::drop(attempt& over) {
  auto& home = names_->home();
  home.unwatch(over.fd.get(), over);
  over.limit.cancel();
  auto fd = std::move(over.fd);
  const auto place = std::ranges::find(attempts_, &over, &std::unique_ptr<attempt>::get);
  home.destroy_later(std::move(*place));
  attempts_.erase(place);
  return fd;
}

void dialing::note(const std::string& where, int error, std::string reason) {
  if (!failure_.text.empty()) failure_.text += "; ";
  failure_.text += where + ": " + reason;
  failure_.error = error;
  failure_.reason = std::move(reason);
}

void dialing::finish(dial_result result) {
  stagger_.cancel();
  const auto done = std::move(done_);
  // This may be gone after it.
  done(std::move(result));
}

std::vector<ip_address> in_turns(const std::vector<ip_address>& sorted) {
  std::vector<ip_address> ordered;
  std::vector<ip_address> others;
  for (const auto& ip : sorted)
    (ip.is_v4() == sorted.front().is_v4() ? ordered : others).push_back(ip);
  for (std::size_t i = 0; i < others.size(); ++i)
    ordered.insert(
        ordered.begin() + static_cast<std::ptrdiff_t>(std::min(2 * i + 1, ordered.size())),
        others[i]);
  return ordered;
}

}  // namespace mtp::net
