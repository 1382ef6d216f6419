// What moving the bytes takes at the least: a proxy without actors, as the measure of the real one.
// A thread a processor (floor_worker.hpp), each with its own epoll, its own listener (SO_REUSEPORT)
// and its own connections to one middle proxy; our codecs; packets that arrive in one turn leave in
// one write per socket.
//
// It is no proxy for people: no check for replays, no time-outs, no metrics, no migration when the
// middle proxy goes (it ends), one DC for all. Its flow control is crude: a client for which
// 64 MiB wait is closed, and no client is read while a connection to the middle proxy has 1 MiB to
// send.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

#include "bench/floor_worker.hpp"
#include "codecs/base/text.hpp"
#include "net/loop/socket_options.hpp"

namespace {

using namespace mtp;
using namespace mtp::bench;

/// Free memory that is kept: half of the CPU time of a download would be page faults otherwise.
constexpr int kept_memory = 64 * 1024 * 1024;

}  // namespace

int main(int argc, char** argv) {
  floor_settings how;
  std::string secret;
  std::string proxy_secret;
  std::string middle_proxy;
  unsigned threads = std::thread::hardware_concurrency();
  CLI::App app{"A proxy that does nothing but move bytes, to compare the real one with"};
  app.add_option("--port", how.port)->required();
  app.add_option("--secret", secret, "Of clients: 32 hexadecimal digits")->required();
  app.add_option("--proxy-secret", proxy_secret, "Of middle proxies, hexadecimal")->required();
  app.add_option("--middle-proxy", middle_proxy, "ip:port")->required();
  app.add_option("--threads", threads)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const auto key = from_hex(secret);
  const auto telegram = from_hex(proxy_secret);
  const auto at = parse_endpoint(middle_proxy);
  if (!key || key->size() != how.secret.size() || !telegram || !at) give_up("broken arguments");
  std::ranges::copy(*key, how.secret.begin());
  how.proxy_secret = *telegram;
  how.middle_proxy = *at;
  net::raise_open_files_limit();
  mallopt(M_MMAP_THRESHOLD, kept_memory);
  mallopt(M_TRIM_THRESHOLD, kept_memory);
  mallopt(M_TOP_PAD, kept_memory / 16);
  std::vector<std::unique_ptr<floor_worker>> workers;
  for (unsigned i = 0; i < threads; ++i)
    workers.push_back(std::make_unique<floor_worker>(how));
  std::printf("ready\n");
  static_cast<void>(std::fflush(stdout));
  std::vector<std::jthread> running;
  for (const auto& worker : workers)
    running.emplace_back([&worker] { worker->run(); });
}
