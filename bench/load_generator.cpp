// Clients by the thousand, in one thread, against a proxy with the stand-in for Telegram behind it.
// Prints a line of name=value and, if asked, one per thread (see load_report.hpp); status 1 if a
// byte that came back was wrong, a connection was closed or nothing happened for long.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "bench/load_fleet.hpp"
#include "net/loop/socket_options.hpp"

namespace {

using namespace mtp;
using namespace mtp::bench;

constexpr double default_warm_up = 0.1;
constexpr std::size_t part_size = std::size_t{512} * 1024;

struct arguments {
  load_options load;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string secret;
  std::string protocol = "dd";
  std::string domain = "example.com";
  std::optional<std::uint64_t> warm_up;
  std::uint64_t bytes = 0;
  double hold_seconds = 0;
};

CLI::App* add_mode(CLI::App& app, const char* name, const char* description, arguments& how,
                   const char* requests = nullptr) {
  auto* mode = app.add_subcommand(name, description);
  mode->add_option("--connections", how.load.connections)->check(CLI::PositiveNumber);
  if (requests == nullptr) return mode;
  mode->add_option("--size", how.load.size, "Bytes of a packet, a multiple of 4")
      ->check(CLI::Range(32U, 1'000'000U));
  mode->add_option(requests, requests == std::string{"--bytes"} ? how.bytes : how.load.requests)
      ->required()
      ->check(CLI::PositiveNumber);
  mode->add_option("--warm-up", how.warm_up, "Requests before measuring");
  return mode;
}

void add_options(CLI::App& app, arguments& how) {
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--host", how.host);
  app.add_option("--port", how.port)->required();
  app.add_option("--secret", how.secret, "32 hexadecimal digits")->required();
  app.add_option("--protocol", how.protocol)->check(CLI::IsMember({"dd", "ee"}));
  app.add_option("--domain", how.domain, "For ee");
  app.add_flag("--short-hello", how.load.target.short_hello,
               "ee with hellos of 517 bytes without ML-KEM: the C proxy takes no others");
  app.add_option("--dc", how.load.target.dc);
  app.add_option("--pid", how.load.processes,
                 "Processes whose CPU time and memory are measured: of each, and the sum")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--threads", how.load.watched,
                 "Processes whose threads' CPU time is reported, beside our own")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--parallel", how.load.parallel, "Connections in their handshake at once")
      ->check(CLI::PositiveNumber);

  auto* echo = add_mode(app, "echo", "One request per connection outstanding", how, "--messages");
  echo->add_option("--batch", how.load.outstanding, "Or so many, sent at once, all awaited")
      ->check(CLI::PositiveNumber);
  auto* paced = add_mode(app, "paced", "Echoes at a steady rate", how, "--messages");
  paced->add_option("--rate", how.load.rate, "A second, over all")->required();
  for (auto* bulk : {add_mode(app, "down", "Asks for parts", how, "--bytes"),
                     add_mode(app, "up", "Sends parts, each confirmed", how, "--bytes")})
    bulk->add_option("--outstanding", how.load.outstanding, "Parts a connection waits for")
        ->check(CLI::PositiveNumber);
  auto* storm = add_mode(app, "storm", "Connections that echo once and go", how);
  storm->add_option("--warm-up", how.warm_up, "Connections before measuring");
  auto* idle = add_mode(app, "idle", "Connections that do nothing", how);
  idle->add_option("--hold", how.hold_seconds, "Seconds; 0: until a line comes on standard input");
}

/// Nothing if the arguments fit together, else what does not.
std::string complete(arguments& how, const std::string& mode) {
  auto& load = how.load;
  const auto ip = ip_address::parse(how.host);
  auto secret = parse_secret(how.secret);
  if (!ip) return "--host is an address";
  if (!secret || secret->kind != secret_kind::classic) return "--secret has 32 hexadecimal digits";
  load.target.proxy = {.ip = *ip, .port = how.port};
  load.target.secret = *secret;
  if (how.protocol == "ee") {
    load.target.secret.kind = secret_kind::fake_tls;
    load.target.secret.domain = how.domain;
  }
  if (mode == "down" || mode == "up") {
    if (load.size == load_options{}.size) load.size = part_size;
    load.requests = (how.bytes + load.size - 1) / load.size;
  }
  if (mode == "storm") load.requests = load.connections;
  load.size -= load.size % 4;
  load.batch = mode == "echo" && load.outstanding > 1;
  load.hold = std::chrono::milliseconds{static_cast<std::int64_t>(1000 * how.hold_seconds)};
  load.warm_up = how.warm_up.value_or(
      static_cast<std::uint64_t>(static_cast<double>(load.requests) * default_warm_up));
  if (mode == "storm") load.connections += load.warm_up;
  return {};
}

std::unique_ptr<load_fleet> make_fleet(const std::string& mode, const load_options& load) {
  const auto closed = [&](auto ask) { return make_closed_loop(load, ask); };
  using when = load_clock::time_point;
  if (mode == "paced") return make_paced(load);
  if (mode == "storm") return make_storm(load);
  if (mode == "idle") return make_idle(load);
  if (mode == "down")
    return closed(
        [](load_client& client, std::size_t size, when now) { client.ask_part(size, now); });
  if (mode == "up")
    return closed(
        [](load_client& client, std::size_t size, when now) { client.ask_upload(size, now); });
  return closed(
      [](load_client& client, std::size_t size, when now) { client.ask_echo(size, now); });
}

}  // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Load for a proxy in front of the stand-in for Telegram"};
  add_options(app, how);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  const auto mode = app.get_subcommands().front()->get_name();
  if (const auto wrong = complete(how, mode); !wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    return 2;
  }
  net::raise_open_files_limit();
  try {
    const auto fleet = make_fleet(mode, how.load);
    fleet->run();
    auto report = fleet->report();
    std::printf("%s\n", report.text().c_str());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "failed: %s\n", e.what());
    return 1;
  }
  return 0;
}
