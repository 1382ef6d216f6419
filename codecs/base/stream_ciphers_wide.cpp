// AES-CTR and CBC decryption by Intel's IPsec library, which does 16 blocks at a time where the
// processor can (VAES): twice as fast there as libcrypto 3.0. CBC encryption can't be, a block
// needs the one before it.
#include <intel-ipsec-mb.h>

#include <algorithm>

#include "codecs/base/processor.hpp"
#include "codecs/base/stream_ciphers.hpp"

namespace mtp::detail {

namespace {

using round_keys = std::array<std::uint8_t, std::size_t{15} * aes_block>;

struct manager_deleter {
  void operator()(IMB_MGR* manager) const noexcept { free_mb_mgr(manager); }
};
using manager_ptr = std::unique_ptr<IMB_MGR, manager_deleter>;

struct started_manager {
  manager_ptr manager;
  /// What it has found the processor to be.
  IMB_ARCH arch = IMB_ARCH_NONE;
};

started_manager start_manager() {
  started_manager started{.manager = manager_ptr{alloc_mb_mgr(0)}};
  if (started.manager == nullptr) throw crypto_error{"alloc_mb_mgr"};
  init_mb_mgr_auto(started.manager.get(), &started.arch);
  return started;
}

/// One per thread: it keeps the jobs that it is given.
IMB_MGR& manager() {
  thread_local const auto own = start_manager().manager;
  return *own;
}

std::string_view name_of(IMB_ARCH arch) noexcept {
  switch (arch) {
    case IMB_ARCH_SSE:
      return "SSE";
    case IMB_ARCH_AVX:
      return "AVX";
    case IMB_ARCH_AVX2:
      return "AVX2";
    case IMB_ARCH_AVX512:
      return "AVX512";
    default:
      return {};
  }
}

wide_cipher_support find_support() {
  const auto missing = missing_instructions();
  if (!missing.empty())
    return {.usable = false, .description = "this processor has no " + std::string{missing}};
  const auto [manager, arch] = start_manager();
  const auto error = imb_get_errno(manager.get());
  // It gives no error where it only emulates AES.
  if (error != 0 || name_of(arch).empty())
    return {.usable = false, .description = std::string{"it says: "} + imb_get_strerror(error)};
  return {.usable = true,
          .description = std::string{"Intel's IPsec library "} + imb_get_version_str() + " (" +
                         std::string{name_of(arch)} + ')'};
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

class wide_ctr final : public stream_cipher {
 public:
  wide_ctr(const key32& key, const iv16& iv) : counter_{iv} {
    alignas(aes_block) round_keys unused;
    expand(key, keys_, unused);
  }

  void apply(byte_span data) override;

 private:
  /// Goes on by this many blocks, which do not carry beyond the last 4 bytes but at their end.
  void advance(std::uint64_t blocks) noexcept {
    for (std::size_t i = counter_.size(); i-- > 0 && blocks > 0;) {
      blocks += counter_[i];
      counter_[i] = static_cast<std::uint8_t>(blocks);
      blocks >>= 8;
    }
  }
  /// Blocks until the last 4 bytes start from 0 again: the library counts in these alone.
  [[nodiscard]] std::uint64_t until_carry() const noexcept {
    std::uint32_t low = 0;
    for (const auto at : {12, 13, 14, 15})
      low = low << 8 | counter_[static_cast<std::size_t>(at)];
    return (std::uint64_t{1} << 32) - low;
  }

  /// How much of `begun_` is used. In front, where alignment leaves room.
  std::size_t used_ = aes_block;
  alignas(aes_block) round_keys keys_;
  /// The next block's, big-endian.
  alignas(aes_block) iv16 counter_;
  /// Key stream of the block that has been begun.
  alignas(aes_block) std::array<std::uint8_t, aes_block> begun_;
};

void wide_ctr::apply(byte_span data) {
  const auto mask = [&](byte_span part) {
    for (auto& byte : part)
      byte ^= begun_[used_++];
  };
  const auto rest = std::min(aes_block - used_, data.size());
  mask(data.first(rest));
  data = data.subspan(rest);
  while (data.size() >= aes_block) {
    const auto blocks = std::min<std::uint64_t>(data.size() / aes_block, until_carry());
    run(IMB_CIPHER_CNTR, keys_, counter_, data.first(blocks * aes_block));
    advance(blocks);
    data = data.subspan(blocks * aes_block);
  }
  if (data.empty()) return;
  begun_.fill(0);
  run(IMB_CIPHER_CNTR, keys_, counter_, begun_);
  advance(1);
  used_ = 0;
  mask(data);
}

class wide_cbc_decryption final : public stream_cipher {
 public:
  wide_cbc_decryption(const key32& key, const iv16& iv) : chain_{iv} {
    alignas(aes_block) round_keys unused;
    expand(key, unused, keys_);
  }

  void apply(byte_span data) override {
    if (data.empty()) return;
    const auto iv = chain_;
    std::ranges::copy(data.last(aes_block), chain_.begin());
    run(IMB_CIPHER_CBC, keys_, iv, data);
  }

 private:
  alignas(aes_block) round_keys keys_;
  /// The latest block of cipher text.
  alignas(aes_block) iv16 chain_;
};

}  // namespace

stream_cipher_ptr make_wide_cipher(cipher_mode mode, const key32& key, const iv16& iv) {
  if (mode == cipher_mode::ctr) return stream_cipher_ptr{new wide_ctr{key, iv}};
  return stream_cipher_ptr{new wide_cbc_decryption{key, iv}};
}

const wide_cipher_support& wide_ciphers() {
  static const auto support = find_support();
  return support;
}

}  // namespace mtp::detail
