// `mtproto-proxy ping`: measures a proxy from a client's side. Twin of mtp_ping.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "codecs/telegram/dc_list.hpp"

namespace mtp::app {

struct ping_options {
  std::string link;
  std::vector<dc_id> dcs{-5, -4, -3, -2, -1, 1, 2, 3, 4, 5};
  /// "normal", "abridged", "secure", "fake-tls"; empty: what the link asks for.
  std::vector<std::string> protocols;
  std::chrono::milliseconds timeout{5000};
  unsigned repeat = 1;
  bool verbose = false;
};

/// Pings and prints. Returns the exit status: 0 if every DC answered by every protocol, 1 if some
/// did not, 2 if the link or the options can't be used.
[[nodiscard]] int run_ping(const ping_options& options);

}  // namespace mtp::app
