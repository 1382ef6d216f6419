// A connection to the cover site for a visitor that is no client: what the visitor sends goes
// there, and the site's answer comes back.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codecs/client/proxy_header.hpp"
#include "config/fronting.hpp"
#include "net/dial/dialing.hpp"
#include "net/loop/pinned_actor.hpp"
#include "net/relay/relay.hpp"

namespace mtp::actors {

/// How a cover site is reached.
struct cover_target {
  /// A TCP target, or the path of a UNIX socket.
  std::variant<net::dial_target, std::string> to;
  /// The site is told of the visitor's address in such a header.
  std::optional<proxy_version> proxy;
  /// Why it is not dialled, for the operator; empty: it is.
  std::string refusal;
  /// For the site to be reached, look-up included.
  std::chrono::milliseconds limit{10'000};
};

/// The way to `site`. A name may not lead to a private address, nor to one of `own`.
[[nodiscard]] cover_target make_cover_target(const config::fronting_target& site,
                                             std::vector<ip_address> own);

class cover_owner {
 public:
  /// The site's first byte, or its end, has come before `take` was called. Nothing of it was passed
  /// on.
  virtual void on_cover_speaks() = 0;
  /// The site could not be reached (errno, and a text for the operator).
  virtual void on_cover_unreachable(int error, const std::string& why) = 0;
  /// Both have finished, or one has failed: everything is closed.
  virtual void on_cover_over() = 0;

 protected:
  ~cover_owner() = default;
};

/// Belongs to a pinned actor; calls to the owner run as its handlers. Of the actor's thread.
class cover_connection final : private net::relay_owner, private net::timer_owner {
 public:
  /// `visit`: the ends of the visitor's connection.
  cover_connection(net::pinned_actor& actor, net::resolver& names, net::pipe_pool& pipes,
                   cover_owner& owner, cover_target target, const connection_ends& visit);
  cover_connection(const cover_connection&) = delete;
  cover_connection& operator=(const cover_connection&) = delete;
  cover_connection(cover_connection&&) = delete;
  cover_connection& operator=(cover_connection&&) = delete;
  ~cover_connection();

  /// Bytes that the visitor has sent, in order, until `take`.
  void send(byte_view data) { relay_->send_to_far(data); }
  /// From now on the visitor's connection is this one's.
  void take(net::unique_fd visitor) { relay_->attach_near(std::move(visitor)); }
  /// Ends it; the owner is not told.
  void close(bool reset) { relay_->close(reset); }

  /// When bytes last went through. Any thread may read it, as long as this is there.
  [[nodiscard]] const std::atomic<net::steady_clock::time_point>& moved_at() const noexcept {
    return relay_->moved_at();
  }
  [[nodiscard]] std::uint64_t to_site() const noexcept { return relay_->to_far(); }
  [[nodiscard]] std::uint64_t to_visitor() const noexcept { return relay_->to_near(); }

 private:
  void on_timer(net::timer& due) override;
  void on_far_speaks() override;
  void on_relay_over(int error) override;
  void reach_unix();
  void on_reached(net::unique_fd fd);
  void on_failed(int error, const std::string& why);

  net::pinned_actor* actor_;
  cover_owner* owner_;
  std::unique_ptr<net::dialing> dialing_;
  std::chrono::milliseconds limit_time_;
  net::steady_clock::time_point give_up_at_;
  std::string refusal_;
  /// Of the UNIX socket that is to be reached.
  std::string path_;
  net::timer limit_;
  /// Ended at the end of a loop iteration: events in hand may still point at it.
  std::shared_ptr<net::relay> relay_;
};

}  // namespace mtp::actors
