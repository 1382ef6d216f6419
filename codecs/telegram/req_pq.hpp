// The first exchange of a Telegram client with a data center: req_pq_multi and resPQ, unencrypted
// MTProto messages. A proxy passes them on unread; ping sends them, and the stand-in for Telegram
// answers. Facts: https://core.telegram.org/mtproto/description#unencrypted-message and
// /mtproto/auth_key.
#pragma once

#include <array>

#include "codecs/base/bytes.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

using pq_nonce = std::array<std::uint8_t, 16>;

/// The client's question. `message_id` is the time in 2^-32 s, a multiple of 4.
[[nodiscard]] bytes make_req_pq(const pq_nonce& nonce, std::uint64_t message_id);

/// The nonce of a req_pq or req_pq_multi. Error: `rpc_malformed`.
[[nodiscard]] result<pq_nonce> parse_req_pq(byte_view packet);

/// The answer: the nonce back, a server nonce, a pq that is a product of two primes, one key
/// fingerprint. `message_id` is 1 modulo 4, as that of every answer.
[[nodiscard]] bytes make_res_pq(const pq_nonce& nonce, const pq_nonce& server_nonce,
                                std::uint64_t message_id);

/// The client's nonce in an answer. Error: `rpc_malformed`.
[[nodiscard]] result<pq_nonce> parse_res_pq(byte_view packet);

}  // namespace mtp
