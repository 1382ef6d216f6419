// The stand-in for Telegram as a program, for `make demo` and for trying things by hand. It prints
// the settings that point a proxy at it, then obeys commands on its standard input until it is
// stopped.
#include <malloc.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <sstream>

#include "tests/support/fake_telegram.hpp"

namespace {

using namespace mtp;
using namespace mtp::test;

/// Free memory that is kept: bulk answers would mostly be page faults otherwise.
constexpr int kept_memory = 64 * 1024 * 1024;

constexpr const char* commands =
    "Commands on standard input, one per line; each is answered with a line:\n"
    "  dead DC on|off     refuse and close its RPC connections, or serve again\n"
    "  silent DC on|off   read and answer nothing\n"
    "  close DC           close its RPC connections, as Telegram does every minute or so\n"
    "  ping DC            send a PING on each of them\n"
    "  conns DC           how many there are\n"
    "  config good|unavailable|nonsense|none   what the configuration server answers";

std::optional<config_answer> parse_answer(const std::string& word) {
  if (word == "good") return config_answer::good;
  if (word == "unavailable") return config_answer::unavailable;
  if (word == "nonsense") return config_answer::nonsense;
  if (word == "none") return config_answer::none;
  return std::nullopt;
}

std::string obey(fake_telegram& telegram, const std::string& line) {
  std::istringstream in{line};
  std::string command;
  std::string how;
  in >> command;
  if (command == "config") {
    in >> how;
    const auto answer = parse_answer(how);
    if (!answer) return "error: config good|unavailable|nonsense|none";
    telegram.set_config_answer(*answer);
    return "ok";
  }
  dc_id dc = 0;
  if (!(in >> dc)) return "error: unknown command, or no DC";
  in >> how;
  if ((command == "dead" || command == "silent") && how != "on" && how != "off")
    return "error: on or off?";
  if (command == "dead")
    telegram.set_dc_dead(dc, how == "on");
  else if (command == "silent")
    telegram.set_dc_silent(dc, how == "on");
  else if (command == "close")
    return "ok " + std::to_string(telegram.close_conns(dc));
  else if (command == "ping")
    telegram.ping_conns(dc, 1);
  else if (command == "conns")
    return "ok " + std::to_string(telegram.conns(dc));
  else
    return "error: unknown command";
  return "ok";
}

void say(const std::string& text) {
  std::printf("%s\n", text.c_str());
  static_cast<void>(std::fflush(stdout));
}

}  // namespace

int main(int argc, char** argv) {
  fake_telegram_options options;
  bool no_crc32c = false;
  CLI::App app{std::string{"A stand-in for Telegram.\n"} + commands};
  app.add_option("--dcs", options.dcs, "DCs to be, comma-separated")->delimiter(',');
  app.add_flag("--ipv6", options.ipv6, "Middle proxies on ::1");
  app.add_flag("--no-crc32c", no_crc32c, "Do not agree to CRC-32C");
  CLI11_PARSE(app, argc, argv);
  options.crc32c = !no_crc32c;

  mallopt(M_MMAP_THRESHOLD, kept_memory);
  mallopt(M_TRIM_THRESHOLD, kept_memory);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const net::unique_fd stop{signalfd(-1, &signals, SFD_CLOEXEC)};
  fake_telegram telegram{options};
  say("proxy_secret_url = \"" + telegram.secret_url() + "\"\nproxy_config_url = \"" +
      telegram.config_url() + '"' +
      (options.ipv6 ? "\nproxy_config_v6_url = \"" + telegram.config_v6_url() + '"' : ""));

  std::string typed;
  std::array<pollfd, 2> fds{pollfd{.fd = stop.get(), .events = POLLIN, .revents = 0},
                            pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
  while (::poll(fds.data(), fds.size(), -1) >= 0 && fds[0].revents == 0) {
    std::array<char, 4096> buffer{};
    const auto size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size <= 0) {
      fds[1].fd = -1;  // nobody types: only a signal ends it
      continue;
    }
    typed.append(buffer.data(), static_cast<std::size_t>(size));
    for (auto end = typed.find('\n'); end != std::string::npos; end = typed.find('\n')) {
      say(obey(telegram, typed.substr(0, end)));
      typed.erase(0, end + 1);
    }
  }
  return 0;
}
