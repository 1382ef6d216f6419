#include "codecs/node_link/link_channel.hpp"

#include <algorithm>

namespace mtp {

namespace {

/// So much taken is reported at once.
constexpr std::size_t report_step = link_window::smallest / 4;

/// What a packet takes that is not whole yet. The kernel gives memory by the page.
std::size_t weight(const packet_buffer& packet) noexcept {
  constexpr std::size_t page = 4096;
  return std::max(packet.size(), page);
}

bool waits_for_nothing(const stream::event& event) noexcept {
  return std::holds_alternative<stream::ack>(event) ||
         std::holds_alternative<stream::quick_ack>(event);
}

}  // namespace

void link_channel::begin_blob() {
  if (!blob_.empty()) return;
  begin_stream_blob({.session = session_, .taken = taken_}, blob_);
}

void link_channel::send(stream_frame&& frame) {
  if (!waits_for_nothing(frame.event)) {
    if (queue_.has(frame.stream)) return queue_.push(std::move(frame));
    if (const auto* const data = std::get_if<stream::data>(&frame.event)) {
      const auto cost = link_cost(data->packet.size());
      if (!queue_.empty() || data->packet.size() > link_queue::largest_piece || blob_is_full() ||
          window_.room() <= blob_cost_)
        return queue_.push(std::move(frame));
      blob_cost_ += cost;
      blob_streams_.push_back(frame.stream);
    }
  }
  begin_blob();
  encode_stream_frame(frame, blob_);
}

void link_channel::drop_incoming(stream_id stream) {
  const auto at = joining_.find(stream);
  if (at == joining_.end()) return;
  joining_bytes_ -= weight(at->second);
  joining_.erase(at);
}

bytes link_channel::next_blob(time_point now) {
  if (!queue_.empty() && window_.room() > blob_cost_) {
    begin_blob();
    blob_cost_ +=
        queue_.fill(blob_, window_.blob_size(), window_.room() - blob_cost_, blob_streams_);
  }
  if (blob_.empty()) {
    if (!must_speak_ && taken_ - reported_ < report_step) return {};
    begin_blob();
  }
  // Taken since the blob was begun, perhaps.
  store_le(byte_span{blob_}.subspan(sizeof session_), taken_);
  reported_ = taken_;
  must_speak_ = false;
  if (blob_cost_ > 0) {
    window_.sent(std::exchange(blob_cost_, 0), now);
    unconfirmed_.push_back(
        {.until = window_.sent_in_all(), .streams = std::exchange(blob_streams_, {})});
  }
  return std::exchange(blob_, {});
}

bool link_channel::confirm(std::uint64_t taken, time_point now) {
  if (!window_.taken(taken, now)) return false;
  while (!unconfirmed_.empty() && unconfirmed_.front().until <= taken)
    unconfirmed_.pop_front();
  return true;
}

std::unordered_set<stream_id> link_channel::at_risk() const {
  std::unordered_set<stream_id> streams{blob_streams_.begin(), blob_streams_.end()};
  for (const auto& blob : unconfirmed_)
    streams.insert(blob.streams.begin(), blob.streams.end());
  queue_.for_each_stream([&](stream_id stream) { streams.insert(stream); });
  for (const auto& [stream, packet] : joining_)
    streams.insert(stream);
  return streams;
}

std::vector<stream_id> link_channel::waiting() const {
  std::vector<stream_id> streams;
  queue_.for_each_stream([&](stream_id stream) { streams.push_back(stream); });
  return streams;
}

bool link_channel::has_unconfirmed(stream_id stream) const {
  const auto has = [stream](const std::vector<stream_id>& all) {
    return std::ranges::find(all, stream) != all.end();
  };
  return queue_.has(stream) || has(blob_streams_) ||
         std::ranges::any_of(unconfirmed_, has, &sent_blob::streams);
}

void link_channel::count_taken(const stream_blob_reader::item& item) noexcept {
  if (const auto* const part = std::get_if<stream_part>(&item.content))
    taken_ += link_cost(part->content.size());
  else if (const auto* const data =
               std::get_if<stream::data>(&std::get<stream::event>(item.content)))
    taken_ += link_cost(data->packet.size());
}

decoded<stream_frame> link_channel::complete(stream_blob_reader::item& item) {
  if (const auto* const part = std::get_if<stream_part>(&item.content))
    return join(item.stream, *part);
  auto& event = std::get<stream::event>(item.content);
  // The rest of a packet comes before the next one.
  if (std::holds_alternative<stream::data>(event) && joining_.contains(item.stream))
    return fail(errc::bad_stream_frame);
  std::optional<stream_frame> frame{std::in_place};
  frame->stream = item.stream;
  frame->event = std::move(event);
  return frame;
}

decoded<stream_frame> link_channel::join(stream_id stream, const stream_part& part) {
  // Memory for all of it is asked for at once, but the kernel gives it as it is written to.
  const auto [at, is_new] = joining_.try_emplace(stream, std::size_t{part.total});
  auto& packet = at->second;
  if (is_new) joining_bytes_ += weight(packet);
  if (packet.capacity() != part.total || part.content.size() > packet.room())
    return fail(errc::bad_stream_frame);
  joining_bytes_ -= weight(packet);
  packet.append(part.content);
  if (packet.room() > 0) {
    joining_bytes_ += weight(packet);
    return std::nullopt;
  }
  stream_frame frame{
      .stream = stream,
      .event = stream::data{.packet = std::move(packet), .quick_ack = part.quick_ack}};
  joining_.erase(stream);
  return frame;
}

}  // namespace mtp
