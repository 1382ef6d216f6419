#include "codecs/telegram/rpc_stream.hpp"

#include <iterator>
#include <utility>

namespace mtp::rpc {

namespace {

/// Frames from this size on go out from where their packet is; smaller ones are gathered.
constexpr std::size_t worth_no_copy = 4096;

}  // namespace

void stream_reader::feed(byte_span data) {
  if (!cipher_) return window_.open(data);
  if (expects_plain_filler_) data = skip_plain_filler(data);
  if (partial_size_ > 0) {
    const auto part = data.first(std::min(data.size(), aes_block - partial_size_));
    std::ranges::copy(part, partial_.begin() + static_cast<std::ptrdiff_t>(partial_size_));
    partial_size_ += part.size();
    data = data.subspan(part.size());
    if (partial_size_ < aes_block) return;
    cipher_->apply(partial_);
    window_.keep(partial_);
  }
  const auto blocks = data.first(data.size() - data.size() % aes_block);
  cipher_->apply(blocks);
  window_.open(blocks);
  const auto rest = data.subspan(blocks.size());
  std::ranges::copy(rest, partial_.begin());
  partial_size_ = rest.size();
}

/// Filler behind a nonce in plain: returns what is left of `data`, less the word in `partial_` that
/// was no filler. An encrypted block that starts like filler is one in 2^32.
byte_span stream_reader::skip_plain_filler(byte_span data) {
  while (expects_plain_filler_ && !data.empty()) {
    partial_[partial_size_++] = data.front();
    data = data.subspan(1);
    if (partial_size_ < sizeof(std::uint32_t)) continue;
    if (filler_prefix(byte_view{partial_}.first(partial_size_)) > 0)
      partial_size_ = 0;
    else
      expects_plain_filler_ = false;
  }
  return data;
}

decoded<byte_view> stream_reader::next() {
  auto start = window_.front(full_header);
  while (filler_prefix(start) > 0) {
    window_.consume(filler_prefix(start));
    start = window_.front(full_header);
  }
  const auto length = frames_.length(start);
  if (!length) return fail(length.error());
  if (!*length) return std::nullopt;
  const auto in = window_.front(**length);
  const auto frame = frames_.next(in);
  if (!frame) return fail(frame.error());
  if (!*frame) return std::nullopt;
  window_.consume((*frame)->consumed);
  return (*frame)->body;
}

void stream_reader::decrypt_with(const cipher_key& key) {
  cipher_.emplace(key.key, key.iv);
  expects_plain_filler_ = true;
  auto encrypted = to_bytes(window_.front(window_.size()));
  window_.consume(encrypted.size());
  feed(encrypted);
  window_.close();
}

void stream_writer::write(byte_view head, packet_buffer tail) {
  if (tail.size() < worth_no_copy || !cipher_) return frames_.encode(head, tail.view(), plain_);
  seal();
  frames_.encode(head, tail);
  pad_to_block(tail);
  cipher_->apply(tail.span());
  sealed_size_ += tail.size();
  append_chunk(sealed_, std::move(tail));
}

void stream_writer::seal() {
  if (plain_.empty()) return;
  if (cipher_) {
    pad_to_block(plain_, 0);
    cipher_->apply(plain_);
  }
  sealed_size_ += plain_.size();
  append_chunk(sealed_, std::exchange(plain_, {}));
}

std::size_t stream_writer::take(std::vector<chunk>& into) {
  seal();
  std::ranges::move(sealed_, std::back_inserter(into));
  sealed_.clear();
  return std::exchange(sealed_size_, 0);
}

bytes stream_writer::take() {
  std::vector<chunk> chunks;
  take(chunks);
  return join(chunks);
}

}  // namespace mtp::rpc
