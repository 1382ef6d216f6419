// Credit: the cost of data against a client's window towards Telegram.
#pragma once

#include <cstddef>

namespace mtp::actors {

/// The cost, in bytes, of `bytes` in `packets` against a client's window towards Telegram. Each
/// packet costs extra: its message and RPC header take more than a small packet itself.
[[nodiscard]] constexpr std::size_t credit_of(std::size_t bytes, std::size_t packets) noexcept {
  constexpr std::size_t packet_cost = 128;
  return bytes + packets * packet_cost;
}

/// Un-acked credit above which a client is not read from.
inline constexpr std::size_t client_window = std::size_t{256} * 1024;
/// A client that sent this much is promised an ack.
inline constexpr std::size_t ack_step = client_window / 4;

}  // namespace mtp::actors
