// The way out: a TCP connection to a host, by whichever of its addresses answers first.
//
// Addresses are tried as in RFC 8305 (Happy Eyeballs): in the order that the resolver gives, but
// the families in turns; the next one when the one before has failed, or after 250 ms beside it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "net/dial/resolver.hpp"

namespace mtp::net {

struct dial_target {
  /// A name, an address, or an IPv6 address in brackets.
  std::string host = {};
  std::uint16_t port = 0;
  /// Where the connection comes from, by the family of the peer's address, if not anywhere.
  std::optional<ip_address> bind_v4 = {};
  std::optional<ip_address> bind_v6 = {};
  /// If there are any, these are tried, and `host` and `port` do not count.
  std::vector<endpoint> addresses = {};
  /// Addresses that a name may not lead to: they are not tried. Not asked of `addresses`.
  std::function<bool(const ip_address& found)> forbids = {};
};

struct dial_limits {
  /// For an address to answer.
  std::chrono::milliseconds connect{5000};
  /// How long an address is waited for alone.
  std::chrono::milliseconds stagger{250};
};

/// A connection that is up. The socket is non-blocking.
struct dialed {
  unique_fd fd;
  /// Our end as this machine sees it; behind NAT the peer sees another one.
  endpoint local;
  endpoint remote;
  /// The host's addresses that have not failed: for a caller that finds the peer unusable.
  std::vector<endpoint> untried;
  /// Why the other addresses failed, as `dial_failure::text`; or empty.
  std::string failures;
};

struct dial_failure {
  /// An errno: of the last address; ETIMEDOUT if it did not answer, EHOSTUNREACH if there was none.
  int error = 0;
  /// The reason alone, of the last address.
  std::string reason;
  /// For the operator: each address that was tried, or the host, with the reason of its failure.
  std::string text;
};

using dial_result = tl::expected<dialed, dial_failure>;

/// One dial. Of its loop's thread; may be destroyed at any moment, also by its callback, and is
/// given up then.
class dialing final : private io_source, private timer_owner {
 public:
  using callback = std::function<void(dial_result)>;

  /// `done` is called once, from the loop, never from within this call.
  dialing(resolver& names, dial_target target, const dial_limits& limits, callback done);
  dialing(const dialing&) = delete;
  dialing& operator=(const dialing&) = delete;
  dialing(dialing&&) = delete;
  dialing& operator=(dialing&&) = delete;
  ~dialing() override;

 private:
  struct attempt;

  void on_io(std::uint32_t) override {}
  /// The beginning, if there is nothing to look up.
  void on_flush() override { try_next(); }
  /// The address before has been alone for long enough.
  void on_timer(timer&) override { try_next(); }

  void on_found(name_answer answer);
  void try_next();
  /// False if it failed at once.
  [[nodiscard]] bool try_address(const endpoint& to);
  void on_up(attempt& winner);
  void on_failed(attempt& loser, int error, const std::string& reason);
  [[nodiscard]] unique_fd drop(attempt& over);
  void note(const std::string& where, int error, std::string reason);
  void finish(dial_result result);

  resolver* names_;
  dial_target target_;
  dial_limits limits_;
  callback done_;
  std::unique_ptr<name_lookup> lookup_;
  timer stagger_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<attempt>> attempts_;
  dial_failure failure_;
};

/// In the order they are tried: the first one's family first, then the families in turns.
[[nodiscard]] std::vector<ip_address> in_turns(const std::vector<ip_address>& sorted);

}  // namespace mtp::net
