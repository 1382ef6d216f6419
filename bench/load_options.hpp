// What the load generator is asked to do.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "codecs/base/address.hpp"
#include "codecs/client/secret.hpp"
#include "codecs/telegram/dc_list.hpp"

namespace mtp::bench {

/// Where clients connect and how they speak: always padded, in fake-TLS if the secret says so.
struct load_target {
  endpoint proxy;
  proxy_secret secret;
  dc_id dc = 2;
  /// Fake-TLS begins with the hello of older clients (bench/short_hello).
  bool short_hello = false;
};

struct load_options {
  load_target target;
  std::size_t connections = 1;
  /// Connections in their handshake at once (storm: alive at once).
  std::size_t parallel = 64;
  /// Bytes of an echoed packet, or of a part.
  std::size_t size = 1024;
  /// Requests that are measured, after `warm_up` that are not.
  std::uint64_t requests = 0;
  std::uint64_t warm_up = 0;
  /// Requests a connection has outstanding; with `batch`, it sends the next when all are answered.
  std::size_t outstanding = 1;
  bool batch = false;
  /// Requests a second, over all connections.
  double rate = 0;
  /// How long idle connections are held; 0: until a line comes on standard input.
  std::chrono::milliseconds hold{0};
  /// The proxy's processes, whose CPU time and memory are measured: of each, and added up.
  std::vector<pid_t> processes;
  /// Processes whose threads are reported, as are our own then.
  std::vector<pid_t> watched;
  /// Without an answer for this long, the run fails.
  std::chrono::seconds patience{20};
};

}  // namespace mtp::bench
