// The stand-in for Telegram as a program, for `make demo` and for trying things by hand. It prints
// the settings that point a proxy at it, and runs until it is stopped.
#include <csignal>
#include <cstdio>

#include "tests/support/fake_telegram.hpp"

int main() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const mtp::test::fake_telegram telegram;
  std::printf("proxy_secret_url = \"%s\"\nproxy_config_url = \"%s\"\n",
              telegram.secret_url().c_str(), telegram.config_url().c_str());
  std::fflush(stdout);
  int which = 0;
  sigwait(&signals, &which);
  return 0;
}
