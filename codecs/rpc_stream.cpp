#include "codecs/rpc_stream.hpp"

#include <utility>

namespace mtp::rpc {

void stream_reader::feed(byte_span data) {
  window_.open(data);
  if (cipher_)
    decrypt_whole_blocks();
  else
    plain_ = window_.view().size();
}

void stream_reader::decrypt_whole_blocks() {
  if (expects_plain_filler_ && !skip_plain_filler()) return;
  const auto encrypted = window_.writable().subspan(plain_);
  const auto blocks = encrypted.first(encrypted.size() - encrypted.size() % aes_block);
  cipher_->apply(blocks);
  plain_ += blocks.size();
}

decoded<byte_view> stream_reader::next() {
  const auto filler = filler_prefix(window_.view().first(plain_));
  window_.consume(filler);
  plain_ -= filler;
  const auto frame = frames_.next(window_.view().first(plain_));
  if (!frame) return fail(frame.error());
  if (!*frame) return std::nullopt;
  window_.consume((*frame)->consumed);
  plain_ -= (*frame)->consumed;
  return (*frame)->body;
}

/// Filler behind a nonce in plain. False while it can't be told whether more follows. An encrypted
/// block that starts like filler is one in 2^32.
bool stream_reader::skip_plain_filler() {
  window_.consume(filler_prefix(window_.view()));
  expects_plain_filler_ = window_.view().size() < sizeof(std::uint32_t);
  return !expects_plain_filler_;
}

void stream_reader::close() {
  window_.close();
}

void stream_reader::decrypt_with(const cipher_key& key) {
  cipher_.emplace(key.key, key.iv);
  plain_ = 0;
  expects_plain_filler_ = true;
  decrypt_whole_blocks();
}

bytes stream_writer::take() {
  auto out = std::exchange(plain_, {});
  if (cipher_ && !out.empty()) {
    pad_to_block(out, 0);
    cipher_->apply(out);
  }
  return out;
}

}  // namespace mtp::rpc
