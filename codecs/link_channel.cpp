#include "codecs/link_channel.hpp"

namespace mtp {

namespace {

/// So much taken is reported at once.
constexpr std::size_t report_step = link_window::smallest / 4;

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
    }
  }
  begin_blob();
  encode_stream_frame(frame, blob_);
}

void link_channel::forget(stream_id stream) {
  queue_.drop(stream);
  const auto at = joining_.find(stream);
  if (at == joining_.end()) return;
  joining_bytes_ -= at->second.size();
  joining_.erase(at);
}

bytes link_channel::next_blob(time_point now) {
  if (!queue_.empty() && window_.room() > blob_cost_) {
    begin_blob();
    blob_cost_ += queue_.fill(blob_, window_.blob_size(), window_.room() - blob_cost_);
  }
  if (blob_.empty()) {
    if (!must_report_ && taken_ - reported_ < report_step) return {};
    begin_blob();
  }
  // Taken since the blob was begun, perhaps.
  store_le(byte_span{blob_}.subspan(sizeof session_), taken_);
  reported_ = taken_;
  must_report_ = false;
  window_.sent(std::exchange(blob_cost_, 0), now);
  return std::exchange(blob_, {});
}

void link_channel::count_taken(const stream_blob_reader::item& item) noexcept {
  if (const auto* const part = std::get_if<stream_part>(&item.what))
    taken_ += link_cost(part->content.size());
  else if (const auto* const data = std::get_if<stream::data>(&std::get<stream::event>(item.what)))
    taken_ += link_cost(data->packet.size());
}

decoded<stream_frame> link_channel::complete(stream_blob_reader::item& item) {
  if (const auto* const part = std::get_if<stream_part>(&item.what))
    return join(item.stream, *part);
  auto& event = std::get<stream::event>(item.what);
  // The rest of a packet comes before the next one.
  if (std::holds_alternative<stream::data>(event) && joining_.contains(item.stream))
    return fail(errc::bad_stream_frame);
  return stream_frame{.stream = item.stream, .event = std::move(event)};
}

decoded<stream_frame> link_channel::join(stream_id stream, const stream_part& part) {
  // Memory for all of it is asked for at once, but the kernel gives it as it is written to.
  auto& packet = joining_.try_emplace(stream, std::size_t{part.total}).first->second;
  if (packet.capacity() != part.total || part.content.size() > packet.room())
    return fail(errc::bad_stream_frame);
  packet.append(part.content);
  joining_bytes_ += part.content.size();
  if (packet.room() > 0) return std::nullopt;
  joining_bytes_ -= packet.size();
  stream_frame out{.stream = stream,
                   .event = stream::data{.packet = std::move(packet), .quick_ack = part.quick_ack}};
  joining_.erase(stream);
  return out;
}

}  // namespace mtp
