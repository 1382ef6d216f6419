// Link agents stand in for the other node: to handlers, a front agent is their DC connection; to DC
// connections, a back agent is their clients. They are paired, one pair a reactor of the front, and
// carry all events of their streams between them in order, gathered into blobs.
//
//   handler --stream_frame--> front agent ==link_blob==> back agent --stream_frame--> dc_conn
//
// Both run in one process here; between nodes the blobs travel over CAF's middleman.
#pragma once

#include <unordered_map>

#include "actors/environment.hpp"
#include "actors/stream_messages.hpp"
#include "net/pinned_actor.hpp"

namespace mtp::actors {

/// Front to back: a new session begins; streams of an earlier one are over.
struct link_hello {
  std::uint64_t session = 0;
  caf::actor front;
};

/// Either way: frames of a session (codecs/stream_frame.hpp).
struct link_blob {
  bytes content;
};

/// What both agents have: a session, a peer, and frames gathered for it.
class link_agent : public net::pinned_actor, private net::io_source {
 public:
  link_agent(caf::actor_config& cfg, net::reactor& home, environment& env);

 protected:
  /// A frame from the peer.
  virtual void handle_peer_frame(stream_frame& frame) = 0;
  /// A frame from a local actor.
  virtual void handle_local_frame(stream_frame& frame) = 0;
  /// Time to forget streams released a while ago.
  virtual void sweep() = 0;

  void send_to_peer(const stream_frame& frame);
  void handle_blob(const link_blob& blob);
  /// Starts or, with a null peer, ends a session; what was gathered for the old one is dropped.
  void use_session(std::uint64_t session, caf::actor peer);
  [[nodiscard]] const caf::actor& peer() const noexcept { return peer_; }
  [[nodiscard]] environment& env() noexcept { return *env_; }

  /// A stream that migrated is remembered this long: data may still come back refused.
  static constexpr std::chrono::seconds release_time{6};
  using release_clock = net::steady_clock::time_point;

  bool on_message(caf::mailbox_element& x) final;
  void on_due(net::timer& which) override;
  void stopped() override;
  void start_sweeping();

 private:
  void on_io(std::uint32_t) final {}
  void on_flush() final;
  void flush();

  environment* env_;
  std::uint64_t session_ = 0;
  caf::actor peer_;
  bytes blob_;
  net::timer sweep_timer_;
};

/// Messages:
/// - `open_stream` (request), `cancel_stream`, `stream_frame` from handlers, as a pool and a
///   dc_conn. Without a session `open_stream` fails, and the handler asks again.
/// - `link_blob` from its back agent. If that ends, every client migrates.
class front_link_agent final : public link_agent {
 public:
  using link_agent::link_agent;
  [[nodiscard]] const char* name() const override { return "front_link_agent"; }

 private:
  struct stream {
    caf::actor client;
    /// Set once it is over for the peer.
    std::optional<release_clock> released;
  };

  caf::behavior start() override;
  void on_due(net::timer& which) override;
  void stopped() override;
  void handle_peer_frame(stream_frame& frame) override;
  void handle_local_frame(stream_frame& frame) override;
  void sweep() override;
  void connect();
  void migrate_all();

  std::unordered_map<stream_id, stream> streams_;
  net::timer retry_timer_{*this};
};

/// Messages:
/// - `link_hello`, `link_blob` from a front agent. If that ends, its streams are closed.
/// - `stream_opened`, `stream_frame` from DC connections, as a handler.
class back_link_agent final : public link_agent {
 public:
  using link_agent::link_agent;
  [[nodiscard]] const char* name() const override { return "back_link_agent"; }

 private:
  /// Streams are known by the front's number on the link and by one of this process here.
  struct stream {
    stream_id local = 0;
    /// Who was asked for it, then who has it.
    caf::actor link;
    /// Where that lives.
    unsigned reactor = 0;
    bool is_open = false;
    std::optional<release_clock> released;
  };

  caf::behavior start() override;
  void stopped() override;
  void handle_peer_frame(stream_frame& frame) override;
  void handle_local_frame(stream_frame& frame) override;
  void sweep() override;
  void open(stream_id remote, const mtp::stream::open& request);
  void forget(stream_id remote);
  void close_all();

  std::unordered_map<stream_id, stream> by_remote_;
  std::unordered_map<stream_id, stream_id> remote_of_;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::link_hello)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::link_blob)
