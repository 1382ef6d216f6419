#include "app/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <csignal>

namespace mtp::app {

namespace {

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM})
    sigaddset(&set, number);
  return set;
}

/// Unless it has a handler already, for example a profiler's.
void ignore(int signal) {
  struct sigaction now {};
  if (::sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
  now.sa_handler = SIG_IGN;
  ::sigaction(signal, &now, nullptr);
}

process_events::kind kind_of(std::uint32_t signal) {
  using kind = process_events::kind;
  switch (signal) {
    case SIGHUP:
    case SIGUSR2:
      return kind::refresh;
    case SIGUSR1:
      return kind::reopen_log;
    case SIGQUIT:
    case SIGALRM:
      return kind::nothing_to_do;
    default:
      return kind::stop;
  }
}

}  // namespace

void hold_signals() {
  const auto awaited = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
  for (const int number : {SIGPIPE, SIGXFSZ, SIGIO, SIGPWR, SIGSTKFLT, SIGPROF, SIGVTALRM})
    ignore(number);
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number)
    ignore(number);
}

process_events::process_events() : tree_ended_{eventfd(0, EFD_CLOEXEC)} {
  const auto awaited = awaited_signals();
  signals_ = net::unique_fd{signalfd(-1, &awaited, SFD_CLOEXEC)};
}

void process_events::tell_tree_ended() const {
  const std::uint64_t increment = 1;
  static_cast<void>(!::write(tree_ended_.get(), &increment, sizeof increment));
}

process_events::kind process_events::wait(std::chrono::milliseconds limit) const {
  std::array<pollfd, 2> fds{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                            pollfd{.fd = tree_ended_.get(), .events = POLLIN, .revents = 0}};
  const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(limit.count()));
  if (ready <= 0) return kind::timeout;
  if (fds[1].revents != 0) {
    std::uint64_t ignored = 0;
    static_cast<void>(!::read(tree_ended_.get(), &ignored, sizeof ignored));
    return kind::tree_ended;
  }
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return kind::timeout;
  return kind_of(info.ssi_signo);
}

}  // namespace mtp::app
