// One TLS connection between two nodes, over a non-blocking socket that the caller watches.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <set>
#include <string>

#include "codecs/base/bytes.hpp"
#include "net/tls/socket_bio.hpp"
#include "net/tls/tls_context.hpp"

namespace mtp::net {

/// Names of nodes (`node_name`).
using node_names = std::set<std::string>;

enum class tls_progress : std::uint8_t { done, want_read, want_write, failed };

/// The kind of failure, for counters.
enum class tls_failure : std::uint8_t {
  none,
  /// The peer finished or reset the connection.
  closed,
  /// The peer's bytes are not TLS.
  not_tls,
  /// The peer's certificate did not pass, or there was none.
  certificate,
  /// The name in it is not one that we dial or allow.
  name,
  /// The peer refuses our certificate.
  refused,
  /// Anything else: another version, damaged records.
  protocol,
};

/// For one thread at a time. After a failure only `failure` and `problem` are of use.
class tls_channel {
 public:
  /// How many bytes a call moved, and the event that it needs to move more.
  struct moved {
    std::size_t size = 0;
    tls_progress next = tls_progress::done;
  };

  /// Records per key. RFC 8446, 5.5, allows 2^24.5 full ones for AES-GCM.
  static constexpr std::uint64_t records_per_key = std::uint64_t{1} << 23;

  /// `fd` is borrowed. `names`: the names that are accepted, or the name that is dialed. Throws
  /// std::bad_alloc.
  tls_channel(std::shared_ptr<const tls_context> context, int fd,
              std::shared_ptr<const node_names> names,
              std::uint64_t key_lifetime = records_per_key);
  tls_channel(const tls_channel&) = delete;
  tls_channel& operator=(const tls_channel&) = delete;
  tls_channel(tls_channel&&) = delete;
  tls_channel& operator=(tls_channel&&) = delete;
  ~tls_channel();

  /// Of the dialing side, before the handshake: asks for this server name in the hello. Whose
  /// certificate passes does not depend on it. Throws std::bad_alloc.
  void ask_for(const std::string& sni);
  /// Call it until it is done or has failed. Done on the accepting side means that both ends have
  /// passed; the dialing side does not know yet whether the peer accepts its certificate.
  [[nodiscard]] tls_progress handshake();
  /// Done once there is a byte to read, which is left there: the peer has accepted our certificate.
  [[nodiscard]] tls_progress await_data();

  /// Reads the bytes of one record that are there.
  [[nodiscard]] moved read(byte_span into);
  /// Writes until the kernel takes no more, 256 KiB at most. A call after an incomplete one must
  /// begin with the bytes that are left, at any place in memory.
  [[nodiscard]] moved write(byte_view data);
  /// From here on `read` may take more from the socket than it returns, in fewer calls: it must be
  /// called again until it returns nothing.
  void read_ahead();

  /// The name in the peer's certificate, once the handshake is done.
  [[nodiscard]] const std::string& peer_name() const noexcept { return peer_name_; }
  [[nodiscard]] tls_failure failure() const noexcept { return failure_; }
  /// Why it failed, about the peer: "it ...".
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  /// For OpenSSL: judges a certificate of the peer's chain.
  static int verify_peer(int passed, X509_STORE_CTX* store);

 private:
  struct deleter {
    void operator()(SSL* ssl) const noexcept;
  };

  [[nodiscard]] tls_progress judge(int result);
  [[nodiscard]] tls_progress judge_library_error();
  tls_progress fail(tls_failure kind, std::string text);
  tls_progress fail_closed();
  bool check_name(X509_STORE_CTX* store);

  std::shared_ptr<const tls_context> context_;
  std::shared_ptr<const node_names> names_;
  socket_state socket_;
  std::unique_ptr<SSL, deleter> ssl_;
  const std::uint64_t key_lifetime_;
  /// Written with the key that is used now.
  std::uint64_t records_ = 0;
  /// Size of a record that OpenSSL has made and the kernel did not take: the next write must not be
  /// shorter.
  std::size_t unfinished_ = 0;
  /// Bytes that were read, and messages of TLS behind which `read` went on.
  std::uint64_t received_ = 0;
  std::uint64_t messages_ = 0;
  std::string peer_name_;
  tls_failure failure_ = tls_failure::none;
  std::string problem_;
};

}  // namespace mtp::net
