// The unread part of a stream. Bytes just read stay where they were read (the reactor's scratch
// buffer) and are parsed in place; only what a parser leaves over is kept in memory of our own, so
// an idle connection owns no buffer.
#pragma once

#include "codecs/bytes.hpp"

namespace mtp {

/// Use: `open` the fresh bytes, `view`/`consume` as often as there is something to parse, then
/// `close` before the fresh bytes become invalid.
class stream_window {
 public:
  /// Puts `fresh` behind what was left over. Returns where the fresh bytes now stand, so that they
  /// can be deciphered there; valid until the next `open` or `close`.
  byte_span open(byte_span fresh) {
    if (kept_.empty()) {
      window_ = fresh;
      return fresh;
    }
    const auto old = kept_.size();
    append(kept_, fresh);
    window_ = kept_;
    return window_.subspan(old);
  }

  /// What is unread; valid until the next `open` or `close`.
  [[nodiscard]] byte_view view() const noexcept { return window_; }
  [[nodiscard]] byte_span writable() noexcept { return window_; }

  void consume(std::size_t size) noexcept { window_ = window_.subspan(size); }

  /// Keeps what is unread, and gives memory back if that is nothing.
  void close() {
    if (window_.empty()) {
      bytes{}.swap(kept_);
    } else if (kept_.empty()) {
      kept_.assign(window_.begin(), window_.end());
    } else {
      kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(window_.size()));
    }
    window_ = kept_;
  }

 private:
  bytes kept_;
  byte_span window_;
};

}  // namespace mtp
