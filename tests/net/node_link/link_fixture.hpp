// Both ends of connections between nodes, on a reactor that tests drive by hand.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <set>

#include "net/loop/bound_port.hpp"
#include "net/loop/socket_address.hpp"
#include "net/node_link/link_acceptor.hpp"
#include "net/node_link/link_dialer.hpp"
#include "tests/support/fake_dns.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/process.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

/// An actor with an acceptor and a dialer, which keeps what it is told and does what the test
/// wants.
class link_gate final : public net::pinned_actor,
                        private net::link_acceptor_owner,
                        private net::link_dialer_owner {
 public:
  struct journal {
    std::vector<net::link_transport::parts> accepted;
    std::vector<net::unique_fd> strangers;
    std::vector<net::link_refusal> refused;
    /// Plain ones that have joined.
    std::set<const net::link_session*> joined;
    std::vector<tl::expected<net::link_transport, std::string>> dialed;
    /// Sends what BASP's accepting end begins with.
    bool greets = true;
    /// What the next message makes it do.
    std::function<void(link_gate&)> todo;
    /// Done in each callback.
    std::function<void(link_gate&)> in_callback = [](link_gate&) {};
  };

  link_gate(caf::actor_config& cfg, net::reactor& home, net::resolver& names, journal& log)
      : pinned_actor{cfg, home}, names_{&names}, log_{&log} {}

  void accept(int listening, std::shared_ptr<const net::tls_credentials> credentials,
              const net::link_acceptor_limits& limits = {}) {
    acceptor.reset();
    acceptor =
        std::make_unique<net::link_acceptor>(*this, static_cast<net::link_acceptor_owner&>(*this),
                                             listening, std::move(credentials), limits);
  }
  void dial(net::link_target target, std::shared_ptr<const net::tls_context> context) {
    if (dialer == nullptr)
      dialer = std::make_unique<net::link_dialer>(*this, *names_,
                                                  static_cast<net::link_dialer_owner&>(*this));
    dialer->dial(std::move(target), std::move(context));
  }

  std::unique_ptr<net::link_acceptor> acceptor;
  std::unique_ptr<net::link_dialer> dialer;

 private:
  caf::behavior start() override {
    return {[this](caf::unit_t) { log_->todo(*this); }};
  }
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer&) override {}
  void stopped() override {
    acceptor.reset();
    dialer.reset();
  }

  void on_link(net::link_transport transport) override {
    auto parts = std::move(transport).take();
    const bytes first{0};
    if (log_->greets && parts.channel != nullptr) CHECK(parts.channel->write(first).size == 1);
    if (log_->greets && parts.channel == nullptr)
      CHECK(::send(parts.fd.get(), first.data(), first.size(), MSG_NOSIGNAL) == 1);
    log_->accepted.push_back(std::move(parts));
    log_->in_callback(*this);
  }
  bool has_joined(const net::link_session& session) override {
    return log_->joined.contains(&session);
  }
  void on_stranger(net::unique_fd fd, const endpoint&) override {
    log_->strangers.push_back(std::move(fd));
    log_->in_callback(*this);
  }
  void on_refused(net::link_refusal why) override {
    log_->refused.push_back(why);
    log_->in_callback(*this);
  }
  void on_dialed(tl::expected<net::link_transport, std::string> result) override {
    log_->dialed.push_back(std::move(result));
    log_->in_callback(*this);
  }

  net::resolver* names_;
  journal* log_;
};

struct link_fixture {
  link_fixture() {
    auto bound = net::bound_port::bind({.ip = loopback, .port = 0}, 1, false);
    REQUIRE(bound);
    port.emplace(std::move(*bound));
    gate = net::spawn_pinned<link_gate>(*node.core.reactors[0], std::ref(resolver), std::ref(log));
    node.settle();
  }
  link_fixture(const link_fixture&) = delete;
  link_fixture& operator=(const link_fixture&) = delete;
  link_fixture(link_fixture&&) = delete;
  link_fixture& operator=(link_fixture&&) = delete;
  ~link_fixture() {
    caf::anon_send_exit(gate, caf::exit_reason::kill);
    node.settle();
  }

  /// Has the actor do it, now.
  void in_gate(std::function<void(link_gate&)> action) {
    log.todo = std::move(action);
    caf::anon_send(gate, caf::unit);
    node.settle();
  }
  /// Turns the reactor until it holds; false after a while.
  template <class Predicate>
  [[nodiscard]] bool soon(Predicate&& holds) {
    return eventually(
        [&] {
          dns.serve();
          node.settle();
          return holds();
        },
        10s);
  }

  [[nodiscard]] static std::shared_ptr<net::tls_credentials> open(const net::tls_files& files,
                                                                  net::tls_side side) {
    auto credentials = net::tls_credentials::open(files, side);
    REQUIRE(credentials);
    return *credentials;
  }
  /// Accepts with that certificate, and that name.
  void accept(const net::tls_files& files, const net::node_names& names = {"front1"},
              const net::link_acceptor_limits& limits = {}) {
    in_gate([&](link_gate& self) {
      self.accept(port->socket(0), open(files, net::tls_side::accepting), limits);
      self.acceptor->allow(names);
    });
  }
  /// Dials the port with that certificate, looking for that name.
  void dial(const net::tls_files& files, const std::string& expected = "back1") {
    in_gate([&](link_gate& self) {
      self.dial({.host = to_string(loopback), .port = port->where().port, .name = expected},
                open(files, net::tls_side::dialing)->current());
    });
  }
  /// What the one dial came to: empty if it succeeded.
  [[nodiscard]] std::string dial_problem() {
    REQUIRE(soon([&] { return !log.dialed.empty(); }));
    return log.dialed.back() ? std::string{} : log.dialed.back().error();
  }
  /// The same, without the address in front.
  [[nodiscard]] std::string dial_problem_there() {
    const auto problem = dial_problem();
    const auto where = to_string(port->where()) + ": ";
    REQUIRE(problem.starts_with(where));
    return problem.substr(where.size());
  }

  [[nodiscard]] net::unique_fd connect(std::array<std::uint8_t, 4> from = {127, 0, 0, 1}) const {
    net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto local = net::to_socket_address({.ip = ip_address::v4(from), .port = 0});
    REQUIRE(::bind(fd.get(), local.get(), local.size) == 0);
    const auto address = net::to_socket_address(port->where());
    REQUIRE(::connect(fd.get(), address.get(), address.size) == 0);
    REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
    return fd;
  }

  const ip_address loopback = ip_address::v4({127, 0, 0, 1});
  temporary_directory directory;
  certificate_authority ca{directory.path(), "ca"};
  net::tls_files back = ca.issue("back", {.name = "back1", .usage = key_usage::server});
  net::tls_files front = ca.issue("front", {.name = "front1", .usage = key_usage::client});
  manual_node node;
  fake_dns dns;
  net::resolver resolver{*node.core.reactors[0],
                         {.query = {.resolv_conf = dns.resolv_conf(), .server_port = dns.port()}}};
  std::optional<net::bound_port> port;
  link_gate::journal log;
  caf::actor gate;
};

}  // namespace mtp::test
