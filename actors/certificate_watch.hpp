// A node's certificate may be renewed while it runs, or be about to expire.
#pragma once

#include <memory>
#include <string>

#include "net/timer_wheel.hpp"
#include "net/tls_context.hpp"

namespace mtp::actors {

class certificate_watch {
 public:
  /// Reads the files again, for connections to come, and logs what an operator should know: that
  /// they can't be used (once; those there were before still serve), and once a day that the
  /// certificate expires soon. Does nothing without credentials.
  void read(const std::shared_ptr<net::tls_credentials>& credentials,
            net::steady_clock::time_point now);

 private:
  std::string trouble_;
  net::steady_clock::time_point quiet_until_;
};

}  // namespace mtp::actors
