// A packet on its way through the proxy. It is copied once, out of the buffer that it was read
// into. Both protocols write their headers and trailers into the room in front of it and behind it;
// it is encrypted in place, and the socket sends it from there.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "codecs/base/bytes.hpp"

namespace mtp {

class packet_buffer {
 public:
  /// Room in front: a middle proxy's frame (8) and request header (84) need the most.
  static constexpr std::size_t front_room = 96;
  /// Room behind: a frame's checksum and its filler up to a cipher block need the most.
  static constexpr std::size_t back_room = 16;

  packet_buffer() = default;
  /// Empty; takes `capacity` bytes.
  explicit packet_buffer(std::size_t capacity)
      : memory_{std::make_unique_for_overwrite<std::uint8_t[]>(front_room + capacity + back_room)},
        begin_{front_room},
        end_{front_room},
        limit_{front_room + capacity} {}
  explicit packet_buffer(byte_view content) : packet_buffer{content.size()} { append(content); }
  packet_buffer(packet_buffer&& other) noexcept
      : memory_{std::move(other.memory_)},
        begin_{std::exchange(other.begin_, 0)},
        end_{std::exchange(other.end_, 0)},
        limit_{std::exchange(other.limit_, 0)} {}
  packet_buffer& operator=(packet_buffer&& other) noexcept {
    packet_buffer{std::move(other)}.swap(*this);
    return *this;
  }
  /// A copy has the packet and the full room around it. CAF wants messages to be copyable; nothing
  /// on a packet's way copies one.
  packet_buffer(const packet_buffer& other) : packet_buffer{other.view()} {}
  packet_buffer& operator=(const packet_buffer& other) {
    packet_buffer{other}.swap(*this);
    return *this;
  }
  ~packet_buffer() = default;

  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] byte_view view() const noexcept { return {memory_.get() + begin_, size()}; }
  [[nodiscard]] byte_span span() noexcept { return {memory_.get() + begin_, size()}; }
  /// How many bytes `append` still takes.
  [[nodiscard]] std::size_t room() const noexcept { return limit_ - std::min(end_, limit_); }
  /// How many bytes its memory has for packets.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return limit_ - std::min(front_room, limit_);
  }

  /// Requires `in.size() <= room()`.
  void append(byte_view in) noexcept { copy_bytes(grow_back(in.size()), in); }
  /// Makes the packet start `size` bytes earlier and returns the new bytes; at most `front_room` in
  /// all.
  byte_span grow_front(std::size_t size) noexcept {
    begin_ -= size;
    return span().first(size);
  }
  /// Makes it end `size` bytes later and returns the new bytes; at most `back_room` beyond the
  /// capacity.
  byte_span grow_back(std::size_t size) noexcept {
    end_ += size;
    return span().last(size);
  }
  /// Removes bytes from its front, which leaves room for as many more there.
  void drop_front(std::size_t size) noexcept { begin_ += size; }
  /// Whether `part` lies in the bytes that were appended, dropped or not.
  [[nodiscard]] bool encloses(byte_view part) const noexcept {
    const auto* const first = memory_.get();
    return std::less_equal<>{}(first + front_room, part.data()) &&
           std::less_equal<>{}(part.data() + part.size(), first + end_);
  }
  /// Makes `part`, which it encloses, the packet.
  void narrow_to(byte_view part) noexcept {
    begin_ = static_cast<std::size_t>(part.data() - memory_.get());
    end_ = begin_ + part.size();
  }

  friend bool operator==(const packet_buffer& a, const packet_buffer& b) noexcept {
    return std::ranges::equal(a.view(), b.view());
  }

 private:
  void swap(packet_buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(limit_, other.limit_);
  }

  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t limit_ = 0;
};

/// Bytes on their way to a socket. `view` is in the memory of this chunk or of a later one of the
/// same list, so chunks are dropped from the front.
struct chunk {
  byte_view view;
  std::variant<std::monostate, bytes, packet_buffer> memory;
};

/// Appends a chunk that owns the bytes it shows.
inline void append_chunk(std::vector<chunk>& into, bytes data) {
  if (data.empty()) return;
  const byte_view view{data};  // a vector's elements stay where they are when it is moved
  into.push_back({.view = view, .memory = std::move(data)});
}
inline void append_chunk(std::vector<chunk>& into, packet_buffer data) {
  if (data.empty()) return;
  const auto view = data.view();
  into.push_back({.view = view, .memory = std::move(data)});
}

/// Chunks as one piece: for peers that send at once.
[[nodiscard]] inline bytes join(const std::vector<chunk>& chunks) {
  bytes joined;
  for (const auto& part : chunks)
    append(joined, part.view);
  return joined;
}

}  // namespace mtp
