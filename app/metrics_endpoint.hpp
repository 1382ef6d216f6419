// The Prometheus endpoint: a small web server, in a thread of its own (doc/adr/0013).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "codecs/base/address.hpp"

namespace mtp::app {

/// What one connection may take, however little or slowly it sends or reads. Each is for one
/// request.
struct metrics_patience {
  /// From its beginning to the end of the request.
  std::chrono::milliseconds request{2000};
  /// From there until the answer has left.
  std::chrono::milliseconds answer{10'000};
};

/// Serves GET /metrics as long as it lives.
class metrics_endpoint {
 public:
  /// Called in the server's thread; may take a second or two, for which all requests wait.
  using text_function = std::function<std::string()>;

  /// Error: the address can't be served, for the operator. `text` makes the answers; an answer
  /// that took longer than 0.3 s to make is given again for as long as that. `beside_own`: another
  /// endpoint of this process may be in the way until it ends.
  [[nodiscard]] static tl::expected<std::unique_ptr<metrics_endpoint>, std::string> open(
      const endpoint& at, text_function text, const metrics_patience& patience = {},
      bool beside_own = false);
  metrics_endpoint(const metrics_endpoint&) = delete;
  metrics_endpoint& operator=(const metrics_endpoint&) = delete;
  metrics_endpoint(metrics_endpoint&&) = delete;
  metrics_endpoint& operator=(metrics_endpoint&&) = delete;
  /// Closes all connections. Waits for a text that is being made.
  ~metrics_endpoint();

  /// With the port that the kernel chose, if it was 0.
  [[nodiscard]] const endpoint& where() const noexcept;

 private:
  class server;
  explicit metrics_endpoint(std::unique_ptr<server> mine);
  std::unique_ptr<server> server_;
};

}  // namespace mtp::app
