// Nodes played by the test itself, over the real transport and CAF: they say what no proxy of this
// build would.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <functional>
#include <optional>

#include "codecs/node_link/link_hello.hpp"
#include "codecs/node_link/stream_frame.hpp"
#include "net/loop/bound_port.hpp"
#include "net/loop/unique_fd.hpp"
#include "net/node_link/link_session.hpp"
#include "net/tls/tls_channel.hpp"
#include "tests/e2e/split_nodes.hpp"

namespace mtp::test {

struct secured {
  net::unique_fd fd;
  std::unique_ptr<net::tls_channel> channel;
  endpoint remote;
};

/// TLS with the back, done by the rules; without files the plain transport.
[[nodiscard]] secured dial_back(const test_back& back, const std::optional<net::tls_files>& files);

/// As a proxy configures CAF.
struct rogue_config : caf::actor_system_config {
  rogue_config();
};

/// A front with one agent, which listens and never answers.
class rogue_front {
 public:
  /// Is joined to the back, by TLS or the plain transport, when it returns.
  explicit rogue_front(const test_back& back,
                       const std::optional<net::tls_files>& files = std::nullopt);
  rogue_front(const rogue_front&) = delete;
  rogue_front& operator=(const rogue_front&) = delete;
  rogue_front(rogue_front&&) = delete;
  rogue_front& operator=(rogue_front&&) = delete;
  ~rogue_front();

  /// A hello of a session of its own, as it should be.
  [[nodiscard]] link_hello make_hello();
  /// Says it; the back's answer, or nothing if there is none. `partner` is the back's agent if it
  /// gave one.
  std::optional<link_answer> say_hello(const link_hello& hello);
  /// True if the back welcomes it.
  bool begin();
  void say(const std::vector<stream_frame>& frames, std::uint64_t taken = 0);
  /// Sends a text, which none of them knows what to do with, to all actors that it could: the
  /// gateway, its partner if it has one, and those that CAF shows to every node.
  void babble(const std::string& text);
  void say_open(stream_id id) { say({{id, stream::open{.dc = 2}}}); }

 private:
  rogue_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
  caf::actor joiner_;
  caf::actor agent_;
  caf::actor gateway_;

 public:
  caf::actor partner;
  std::uint64_t session = 0;
  std::shared_ptr<net::link_session> connection;
};

/// A back whose answer to every hello is the test's.
class rogue_back {
 public:
  /// With `files` it speaks TLS with a front of the name "front", else the plain transport.
  explicit rogue_back(std::function<link_answer(const link_hello&)> answer,
                      const std::optional<net::tls_files>& files = std::nullopt);
  rogue_back(const rogue_back&) = delete;
  rogue_back& operator=(const rogue_back&) = delete;
  rogue_back(rogue_back&&) = delete;
  rogue_back& operator=(rogue_back&&) = delete;
  ~rogue_back();

  /// For back_nodes.
  [[nodiscard]] std::string address() const;
  /// Lets in the connection that waits at its port; true if there is one. Fails the test if TLS
  /// does.
  bool accept();

 private:
  rogue_config config_;
  caf::actor_system system_{config_};
  net::bound_port port_;
  std::shared_ptr<const net::tls_context> context_;
  caf::actor gateway_;
  std::vector<std::shared_ptr<net::link_session>> connections_;
};

}  // namespace mtp::test
