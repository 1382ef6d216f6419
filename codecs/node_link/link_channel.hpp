// One session of a node link, seen from one end: turns frames into blobs, and blobs into frames. It
// counts the bytes that are on their way in both directions, so that neither end is sent more than
// it takes, and cuts large packets into pieces. Facts: doc/wire/node_link.md.
#pragma once

#include <unordered_set>

#include "codecs/node_link/link_queue.hpp"
#include "codecs/node_link/link_window.hpp"

namespace mtp {

class link_channel {
 public:
  using time_point = link_window::time_point;

  explicit link_channel(std::uint64_t session) noexcept : session_{session} {}

  [[nodiscard]] std::uint64_t session() const noexcept { return session_; }

  /// Takes a frame for the peer. Data waits for room in the link; other frames wait only behind
  /// data of their stream, and acks for nothing.
  void send(stream_frame&& frame);
  /// The stream is over for the peer: data that waits for it need not be sent any more.
  void drop_outgoing(stream_id stream) { queue_.drop(stream); }
  /// The stream is over here: a packet of which a part has come is not wanted any more.
  void drop_incoming(stream_id stream);

  /// The next blob for the link; empty if there is nothing to send now. Call it until it is empty,
  /// at the end of a loop iteration and whenever `blob_is_full`.
  [[nodiscard]] bytes next_blob(time_point now);
  [[nodiscard]] bool blob_is_full() const noexcept { return blob_.size() >= window_.blob_size(); }

  /// Takes a blob of the peer. `each` is called with every frame, in order; if it returns false,
  /// reading stops (the session has ended meanwhile). A piece of a packet is first offered to
  /// `keeps` (stream, part), and kept if that returns true, until the packet is whole or
  /// `drop_incoming` is called. Blobs of another session are ignored. Error: `bad_stream_frame`,
  /// also if the peer claims to have taken more than it was sent, or cuts a packet wrongly; do not
  /// trust it any further.
  template <class Keeps, class Each>
  [[nodiscard]] result<void> take(byte_view blob, time_point now, Keeps&& keeps, Each&& each) {
    if (blob.size() < stream_blob_header_size || blob.size() > max_stream_blob)
      return fail(errc::bad_stream_frame);
    stream_blob_reader in{blob};
    if (in.header().session != session_) return {};
    if (!confirm(in.header().taken, now)) return fail(errc::bad_stream_frame);
    while (true) {
      auto item = in.next();
      if (!item) return fail(item.error());
      if (!*item) return {};
      count_taken(**item);
      const auto* const part = std::get_if<stream_part>(&(*item)->content);
      if (part != nullptr && !keeps((*item)->stream, *part)) continue;
      auto frame = complete(**item);
      if (!frame) return fail(frame.error());
      if (*frame && !each(std::move(**frame))) return {};
    }
  }

  /// Bytes were taken that the peer has not been told of; the next blob tells it.
  [[nodiscard]] bool owes_report() const noexcept { return taken_ != reported_; }
  /// Makes `next_blob` return a blob even without frames: a report of the bytes taken, and a sign
  /// of life. Without this call, a report alone makes a blob only when it is overdue: when it
  /// covers a good part of the peer's smallest window.
  void speak_up() noexcept { must_speak_ = true; }

  /// Streams that would lose data if the session ended now: data that the peer has not confirmed,
  /// or packets of the peer's that have not come whole.
  [[nodiscard]] std::unordered_set<stream_id> at_risk() const;
  /// Whether data of this stream waits here, or was not confirmed.
  [[nodiscard]] bool has_unconfirmed(stream_id stream) const;
  /// Streams with data that wait here and were not given to the link.
  [[nodiscard]] std::vector<stream_id> waiting() const;
  /// The stream with the most bytes that wait here, and how many these are.
  [[nodiscard]] std::pair<stream_id, std::size_t> largest() const { return queue_.largest(); }

  /// Bytes of packets held here: waiting for the link, or not whole yet.
  [[nodiscard]] std::size_t held() const noexcept { return queue_.held() + joining_bytes_; }
  /// Of these, packets that are not whole.
  [[nodiscard]] std::size_t joining() const noexcept { return joining_bytes_; }
  /// And for frames that wait for the link.
  [[nodiscard]] std::size_t queued() const noexcept { return queue_.held(); }
  [[nodiscard]] const link_window& window() const noexcept { return window_; }

 private:
  void count_taken(const stream_blob_reader::item& item) noexcept;
  [[nodiscard]] decoded<stream_frame> complete(stream_blob_reader::item& item);
  [[nodiscard]] decoded<stream_frame> join(stream_id stream, const stream_part& part);
  void begin_blob();
  [[nodiscard]] bool confirm(std::uint64_t taken, time_point now);

  /// A blob that the peer has not confirmed.
  struct sent_blob {
    std::uint64_t until = 0;
    /// The streams whose data it has.
    std::vector<stream_id> streams;
  };

  std::uint64_t session_;
  link_window window_;
  link_queue queue_;
  bytes blob_;
  /// Cost of the frames in `blob_`.
  std::size_t blob_cost_ = 0;
  std::vector<stream_id> blob_streams_;
  std::deque<sent_blob> unconfirmed_;

  std::uint64_t taken_ = 0;
  std::uint64_t reported_ = 0;
  bool must_speak_ = false;
  std::unordered_map<stream_id, packet_buffer> joining_;
  std::size_t joining_bytes_ = 0;
};

}  // namespace mtp
