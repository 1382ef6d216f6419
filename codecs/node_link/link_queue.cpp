#include "codecs/node_link/link_queue.hpp"

#include <algorithm>

namespace mtp {

namespace {

std::size_t packet_size(const stream::event& event) noexcept {
  const auto* const data = std::get_if<stream::data>(&event);
  return data != nullptr ? data->packet.size() : 0;
}

}  // namespace

void link_queue::push(stream_frame frame) {
  const auto size = packet_size(frame.event);
  const auto [at, is_new] = waiting_.try_emplace(frame.stream);
  held_ += size;
  at->second.held += size;
  at->second.events.push_back(std::move(frame.event));
  if (is_new) turns_.push_back(frame.stream);
}

void link_queue::drop(stream_id stream) {
  const auto at = waiting_.find(stream);
  if (at == waiting_.end()) return;
  held_ -= at->second.held;
  waiting_.erase(at);
  std::erase(turns_, stream);
}

std::size_t link_queue::take_turn(stream_id stream, line& from, bytes& blob) {
  while (!from.events.empty()) {
    auto& next = from.events.front();
    auto* const data = std::get_if<stream::data>(&next);
    if (data == nullptr) {
      encode_stream_frame({.stream = stream, .event = std::move(next)}, blob);
      from.events.pop_front();
      continue;
    }
    const auto total = data->packet.size();
    const auto size = std::min(total - from.gone, largest_piece);
    if (size == total) {
      encode_stream_frame({.stream = stream, .event = std::move(next)}, blob);
    } else {
      encode_stream_part(stream,
                         {.total = static_cast<std::uint32_t>(total),
                          .quick_ack = data->quick_ack,
                          .content = data->packet.view().subspan(from.gone, size)},
                         blob);
    }
    from.gone += size;
    held_ -= size;
    from.held -= size;
    if (from.gone == total) {
      from.gone = 0;
      from.events.pop_front();
    }
    return link_cost(size);
  }
  return 0;
}

std::size_t link_queue::fill(bytes& blob, std::size_t blob_size, std::size_t room,
                             std::vector<stream_id>& streams) {
  std::size_t used = 0;
  while (!turns_.empty() && used < room && blob.size() < blob_size) {
    const auto stream = turns_.front();
    turns_.pop_front();
    const auto at = waiting_.find(stream);
    if (const auto cost = take_turn(stream, at->second, blob)) {
      used += cost;
      streams.push_back(stream);
    }
    if (at->second.events.empty())
      waiting_.erase(at);
    else
      turns_.push_back(stream);
  }
  return used;
}

std::pair<stream_id, std::size_t> link_queue::largest() const {
  std::pair<stream_id, std::size_t> largest;
  for (const auto& [stream, queue] : waiting_)
    if (queue.held > largest.second) largest = {stream, queue.held};
  return largest;
}

}  // namespace mtp
