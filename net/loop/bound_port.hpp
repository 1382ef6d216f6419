// The listening sockets of one port: one per reactor, so that the kernel spreads clients over
// reactors; or a UNIX socket that all reactors accept from.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "codecs/base/address.hpp"
#include "net/loop/unique_fd.hpp"
#include "net/loop/unix_listener.hpp"

namespace mtp::net {

/// Holds the sockets from start to stop; listeners borrow them, so a listener that is restarted
/// loses no client that waits in a backlog.
class bound_port {
 public:
  /// Binds and listens. `also_v4` lets "::" take IPv4 clients too. Errors, for the operator:
  /// another process serves the port (SO_REUSEPORT alone would share it), no permission, no such
  /// address. If several processes try at the same time, one gets the port. A port that is taken
  /// may be reported only after 0.1 s. `beside_own`: if the address is taken by sockets of another
  /// `bound_port` of this process, or overlaps theirs (0.0.0.0 and 127.0.0.1), it is shared with
  /// them. Then it does not listen yet: the kernel would give it clients of theirs.
  [[nodiscard]] static tl::expected<bound_port, std::string> bind(const endpoint& at,
                                                                  unsigned sockets, bool also_v4,
                                                                  bool beside_own = false);

  /// The same at a UNIX socket, which listens at once. Error: as `unix_listener::open`.
  [[nodiscard]] static tl::expected<bound_port, std::string> bind(const std::string& path,
                                                                  const socket_access& access,
                                                                  unsigned sockets);

  /// Begins to listen, if it does not. Error (errno): the kernel does not want it.
  [[nodiscard]] tl::expected<void, int> listen() const;

  /// The socket of reactor `index`: non-blocking, listening once `listen` was called. Valid as long
  /// as this is there.
  [[nodiscard]] int socket(unsigned index) const noexcept { return sockets_[index].get(); }
  [[nodiscard]] std::size_t size() const noexcept { return sockets_.size(); }
  /// The UNIX socket that it is; null: it has an address.
  [[nodiscard]] const unix_listener* unix() const noexcept { return unix_.get(); }
  /// Where it listens: with the port the kernel chose, if `at.port` was 0; 0.0.0.0:0 if it is a
  /// UNIX socket.
  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  /// It was bound with `also_v4`.
  [[nodiscard]] bool also_v4() const noexcept { return also_v4_; }

 private:
  [[nodiscard]] static tl::expected<bound_port, int> try_to_bind(const endpoint& at,
                                                                 unsigned sockets, bool also_v4,
                                                                 bool beside_own);

  std::vector<unique_fd> sockets_;
  std::unique_ptr<unix_listener> unix_;
  endpoint where_;
  bool also_v4_ = false;
};

}  // namespace mtp::net
