// The state of one connection between nodes, shared by its users and by the thread that carries its
// bytes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "codecs/base/address.hpp"

namespace mtp::net {

/// Why a connection is gone that neither we nor the peer ended: CAF closed it.
inline constexpr const char* closed_by_caf =
    "closed here: nothing came in time, or what came was no BASP";

/// Any thread may call anything. The descriptor belongs to the object that carries the bytes: a
/// `link_transport`, then CAF's scribe.
class link_session {
 public:
  /// Told why the transport is gone. From the thread that carried it, or from the caller of
  /// `on_end`; must not throw or block.
  using end_callback = std::function<void(const std::string& why)>;

  link_session(int fd, std::string peer_name, const endpoint& remote)
      : peer_name_{std::move(peer_name)}, remote_{remote}, fd_{fd} {}
  link_session(const link_session&) = delete;
  link_session& operator=(const link_session&) = delete;
  link_session(link_session&&) = delete;
  link_session& operator=(link_session&&) = delete;
  ~link_session() = default;

  /// The name in the peer's certificate; empty if the transport is plain.
  [[nodiscard]] const std::string& peer_name() const noexcept { return peer_name_; }
  [[nodiscard]] const endpoint& remote() const noexcept { return remote_; }

  /// Ends the connection soon; bytes on their way may be lost. `why` is the reason that `ended`
  /// returns, unless there is one already. Does nothing if the transport is gone.
  void cut(std::string why);
  /// `cut` was called, or the connection failed: nothing should be read or written any more.
  [[nodiscard]] bool is_failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

  /// Why the transport is gone: the text given to `cut`, what the peer did, or an error. Nothing
  /// while it is there.
  [[nodiscard]] std::optional<std::string> ended() const;
  /// Why it is going to be, or is gone; empty as long as nothing is known against it.
  [[nodiscard]] std::string trouble() const;
  /// `callback` is called once, when the transport is gone; now, if it is. Replaces an earlier one.
  /// CAF forgets its route when it has handled what came before: a moment later. Actors of the peer
  /// that are monitored are down then.
  void on_end(end_callback callback);

  /// Bytes received from the peer and sent to it, without those that TLS adds.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_.load(); }
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_.load(); }
  /// The descriptor, to look something up by; -1 once the transport is gone.
  [[nodiscard]] int descriptor() const;

  // -- for the code that carries the bytes -------------------------------------------------------

  void count_received(std::size_t size) noexcept { received_.fetch_add(size, relaxed); }
  void count_sent(std::size_t size) noexcept { sent_.fetch_add(size, relaxed); }
  /// The descriptor is about to be closed: `cut` must not touch it from here on.
  void finish();

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;

  const std::string peer_name_;
  const endpoint remote_;
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<std::uint64_t> sent_ = 0;
  std::atomic<bool> failed_ = false;

  mutable std::mutex mutex_;
  /// -1 once it is closed.
  int fd_;
  std::string why_;
  end_callback callback_;
};

}  // namespace mtp::net
