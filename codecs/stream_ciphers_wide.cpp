// AES-CTR and CBC decryption by Intel's IPsec library, which does 16 blocks at a time where the
// processor can (VAES): twice as fast there as libcrypto 3.0. CBC encryption can't be, a block
// needs the one before it.
#include <intel-ipsec-mb.h>

#include <algorithm>

#include "codecs/crypto.hpp"

namespace mtp {

namespace {

using round_keys = std::array<std::uint8_t, std::size_t{15} * aes_block>;

struct manager_deleter {
  void operator()(IMB_MGR* manager) const noexcept { free_mb_mgr(manager); }
};

IMB_MGR& manager() {
  thread_local const std::unique_ptr<IMB_MGR, manager_deleter> own = [] {
    std::unique_ptr<IMB_MGR, manager_deleter> made{alloc_mb_mgr(0)};
    if (made == nullptr) throw crypto_error{"alloc_mb_mgr"};
    init_mb_mgr_auto(made.get(), nullptr);
    return made;
  }();
  return *own;
}

void expand(const key32& key, round_keys& to_encrypt, round_keys& to_decrypt) {
  IMB_AES_KEYEXP_256(&manager(), key.data(), to_encrypt.data(), to_decrypt.data());
}

void run(IMB_CIPHER_MODE mode, const round_keys& keys, const iv16& iv, byte_span data) {
  auto& by = manager();
  IMB_JOB* job = IMB_GET_NEXT_JOB(&by);
  *job = {};
  job->cipher_mode = mode;
  job->cipher_direction = mode == IMB_CIPHER_CBC ? IMB_DIR_DECRYPT : IMB_DIR_ENCRYPT;
  job->chain_order = mode == IMB_CIPHER_CBC ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
  job->hash_alg = IMB_AUTH_NULL;
  job->enc_keys = keys.data();
  job->dec_keys = keys.data();
  job->key_len_in_bytes = key32{}.size();
  job->iv = iv.data();
  job->iv_len_in_bytes = iv.size();
  job->src = data.data();
  job->dst = data.data();
  job->msg_len_to_cipher_in_bytes = data.size();
  // Neither mode waits for other jobs.
  job = IMB_SUBMIT_JOB(&by);
  if (job == nullptr || job->status != IMB_STATUS_COMPLETED)
    throw crypto_error{imb_get_strerror(imb_get_errno(&by))};
}

}  // namespace

struct detail::ctr_stream {
  alignas(aes_block) round_keys keys;
  /// The next block's, big-endian.
  alignas(aes_block) iv16 counter;
  /// Key stream of the block that has been begun, and how much of it is used.
  alignas(aes_block) std::array<std::uint8_t, aes_block> begun;
  std::size_t used = aes_block;

  /// Goes on by this many blocks, which do not carry beyond the last 4 bytes but at their end.
  void advance(std::uint64_t blocks) noexcept {
    for (std::size_t i = counter.size(); i-- > 0 && blocks > 0;) {
      blocks += counter[i];
      counter[i] = static_cast<std::uint8_t>(blocks);
      blocks >>= 8;
    }
  }
  /// Blocks until the last 4 bytes start from 0 again: the library counts in these alone.
  [[nodiscard]] std::uint64_t until_carry() const noexcept {
    std::uint32_t low = 0;
    for (const auto at : {12, 13, 14, 15})
      low = low << 8 | counter[static_cast<std::size_t>(at)];
    return (std::uint64_t{1} << 32) - low;
  }
};

struct detail::cbc_decryption {
  alignas(aes_block) round_keys keys;
  /// The latest block of cipher text.
  alignas(aes_block) iv16 chain;
};

void detail::stream_cipher_deleter::operator()(ctr_stream* state) const noexcept {
  delete state;
}

void detail::stream_cipher_deleter::operator()(cbc_decryption* state) const noexcept {
  delete state;
}

aes_ctr::aes_ctr(const key32& key, const iv16& iv) : state_{new detail::ctr_stream} {
  alignas(aes_block) round_keys unused;
  expand(key, state_->keys, unused);
  state_->counter = iv;
}

void aes_ctr::apply(byte_span data) {
  auto& state = *state_;
  const auto mask = [&](byte_span part) {
    for (auto& byte : part)
      byte ^= state.begun[state.used++];
  };
  const auto rest = std::min(aes_block - state.used, data.size());
  mask(data.first(rest));
  data = data.subspan(rest);
  while (data.size() >= aes_block) {
    const auto blocks = std::min<std::uint64_t>(data.size() / aes_block, state.until_carry());
    run(IMB_CIPHER_CNTR, state.keys, state.counter, data.first(blocks * aes_block));
    state.advance(blocks);
    data = data.subspan(blocks * aes_block);
  }
  if (data.empty()) return;
  state.begun.fill(0);
  run(IMB_CIPHER_CNTR, state.keys, state.counter, state.begun);
  state.advance(1);
  state.used = 0;
  mask(data);
}

aes_cbc_decryptor::aes_cbc_decryptor(const key32& key, const iv16& iv)
    : state_{new detail::cbc_decryption} {
  alignas(aes_block) round_keys unused;
  expand(key, unused, state_->keys);
  state_->chain = iv;
}

void aes_cbc_decryptor::apply(byte_span data) {
  if (data.empty()) return;
  const auto iv = state_->chain;
  std::ranges::copy(data.last(aes_block), state_->chain.begin());
  run(IMB_CIPHER_CBC, state_->keys, iv, data);
}

}  // namespace mtp
