// Frames that wait for a node link: in order within a stream, while streams take turns, so that a
// stream that sends much does not keep the others waiting.
#pragma once

#include <deque>
#include <unordered_map>

#include "codecs/node_link/stream_frame.hpp"

namespace mtp {

/// A frame's cost in the link's window: the bytes of its packet, and those of its fields.
[[nodiscard]] constexpr std::size_t link_cost(std::size_t packet_size) noexcept {
  constexpr std::size_t fields = 18;
  return packet_size + fields;
}

class link_queue {
 public:
  /// A packet crosses the link in pieces of at most this size.
  static constexpr std::size_t largest_piece = std::size_t{16} * 1024;

  [[nodiscard]] bool empty() const noexcept { return turns_.empty(); }
  /// Whether frames of this stream wait: then later ones must wait behind them.
  [[nodiscard]] bool has(stream_id stream) const { return waiting_.contains(stream); }
  /// Bytes of packets that wait.
  [[nodiscard]] std::size_t held() const noexcept { return held_; }

  void push(stream_frame frame);
  /// Forgets the frames of a stream that is over.
  void drop(stream_id stream);
  /// Appends frames to `blob` until it has `blob_size` bytes, or until `room` is used up; only data
  /// uses room. Returns how much was used, at most one piece more than `room`. Appends to `streams`
  /// the streams whose data it was.
  std::size_t fill(bytes& blob, std::size_t blob_size, std::size_t room,
                   std::vector<stream_id>& streams);

  /// The stream that holds most, and how much that is; 0 bytes if nothing is held.
  [[nodiscard]] std::pair<stream_id, std::size_t> largest() const;
  template <class Each>
  void for_each_stream(Each&& each) const {
    for (const auto& [stream, queue] : waiting_)
      each(stream);
  }

 private:
  struct line {
    std::deque<stream::event> events;
    /// Bytes of the first frame's packet that have gone.
    std::size_t gone = 0;
    /// Bytes of packets that wait.
    std::size_t held = 0;
  };
  using line_map = std::unordered_map<stream_id, line>;

  /// One piece of data, or all other frames up to the next data. Returns their cost.
  std::size_t take_turn(stream_id stream, line& from, bytes& blob);

  line_map waiting_;
  std::deque<stream_id> turns_;
  std::size_t held_ = 0;
};

}  // namespace mtp
