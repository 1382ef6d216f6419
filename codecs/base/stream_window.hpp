// The unread part of a stream. Bytes that were just read stay in the reactor's scratch buffer and
// are parsed in place. Only bytes that a parser leaves over are copied to memory of our own, so an
// idle connection owns no buffer. A frame that arrives in several reads is assembled in a
// packet_buffer of its size, and can be claimed as it is.
#pragma once

#include "codecs/base/packet_buffer.hpp"

namespace mtp {

/// Use: `open` the fresh bytes, `front`/`consume` as often as there is something to parse, then
/// `close` before the fresh bytes become invalid.
class stream_window {
 public:
  /// Appends `fresh` to the unread bytes, without a copy.
  void open(byte_view fresh) {
    if (!fresh_.empty()) close();
    fresh_ = fresh;
  }
  /// Appends a copy of `in` to the unread bytes.
  void keep(byte_view in) {
    open(in);
    close();
  }

  [[nodiscard]] std::size_t size() const noexcept { return kept_.size() + fresh_.size(); }
  /// Bytes of memory of its own.
  [[nodiscard]] std::size_t held() const noexcept { return kept_.capacity(); }

  /// At least the first `wanted` unread bytes in one piece, or all there are if they are fewer.
  /// Then `wanted` is remembered: memory for that much is ready when the rest arrives. Valid until
  /// the next call but `consume`.
  [[nodiscard]] byte_view front(std::size_t wanted) {
    if (kept_.empty() && fresh_.size() >= wanted) return fresh_;
    if (kept_.size() >= wanted) return kept_.view();
    expected_ = wanted;
    if (kept_.empty()) return fresh_;
    const auto missing = std::min(wanted - kept_.size(), fresh_.size());
    make_room(missing);
    kept_.append(fresh_.first(missing));
    fresh_ = fresh_.subspan(missing);
    return kept_.view();
  }

  void consume(std::size_t size) noexcept {
    const auto from_kept = std::min(size, kept_.size());
    kept_.drop_front(from_kept);
    fresh_ = fresh_.subspan(size - from_kept);
    expected_ = 0;
  }

  /// `part` of what `front` returned and `consume` then took, as a packet of its own: moved if it
  /// is alone in memory that it mostly fills, else copied.
  [[nodiscard]] packet_buffer claim(byte_view part) {
    if (!kept_.empty() || part.size() < kept_.capacity() / 2 || !kept_.encloses(part))
      return packet_buffer{part};
    kept_.narrow_to(part);
    return std::move(kept_);
  }

  /// Keeps the unread bytes in memory of its own, which it frees if there are none.
  void close() {
    if (!fresh_.empty()) {
      make_room(fresh_.size());
      kept_.append(fresh_);
      fresh_ = {};
    } else if (kept_.empty()) {
      kept_ = {};
    }
  }

 private:
  /// Memory that is allocated at first for a frame that announces more.
  static constexpr std::size_t first_room = std::size_t{64} * 1024;

  void make_room(std::size_t size) {
    if (kept_.room() >= size) return;
    // A length is only a claim until some of it has come.
    const auto needed = kept_.size() + size;
    const auto ahead = needed < first_room / 2 ? std::min(expected_, first_room) : expected_;
    packet_buffer larger{std::max(needed, ahead)};
    larger.append(kept_.view());
    kept_ = std::move(larger);
  }

  /// Unread bytes of earlier reads; then those of this one.
  packet_buffer kept_;
  byte_view fresh_;
  /// Size of the frame that the parser waits for; 0 if it is not known.
  std::size_t expected_ = 0;
};

}  // namespace mtp
