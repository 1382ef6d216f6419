#include "actors/node_link/back_agent.hpp"

#include <caf/all.hpp>

#include "actors/node_link/link_events.hpp"
#include "codecs/base/text.hpp"

namespace mtp::actors {

namespace {

/// A front keeps to `client_window`, but for one packet; twice that is no mistake of ours.
constexpr std::size_t most_outstanding = 2 * (client_window + credit_of(max_client_packet, 1));

/// Clients of one reactor of a front: more than it could have. Of those that have migrated as many
/// are remembered.
constexpr std::size_t most_streams = 100'000;

}  // namespace

caf::actor back_agent_start::operator()() const {
  return net::spawn_pinned<back_agent>(*side->core.reactors[reactor], std::ref(*side), options);
}

back_agent::back_agent(caf::actor_config& cfg, net::reactor& home, node_link_side& side,
                       back_agent_options options)
    : link_agent{cfg, home, side}, options_{std::move(options)} {}

caf::behavior back_agent::start() {
  set_down_handler([this](const caf::down_msg&) { quit(); });
  begin();
  front_.emplace(options_.session, std::exchange(options_.front, nullptr), home().now());
  monitor(front_->agent);
  // Without the gateway this session would not end when the front begins another one.
  monitor(options_.gateway);
  return {
      [this](const link_blob& blob) { handle_blob(blob); },
      [this](const stream_opened& opened) { handle_opened(opened); },
  };
}

void back_agent::for_each_peer(const std::function<void(link_peer&)>& each) {
  if (front_) each(*front_);
}

// -- from the front -----------------------------------------------------------------------------

void back_agent::handle_blob(const link_blob& blob) {
  front_->heard = home().now();
  bool fair = true;
  const auto taken = front_->channel.take(
      as_bytes(blob.content), home().now(),
      [&](stream_id remote, const stream_part& part) {
        const auto found = by_remote_.find(remote);
        if (found == by_remote_.end() || !fair) return false;
        found->second.charged += part.content.size();
        return fair = part.total <= max_client_packet && charge(found->second, part.content.size());
      },
      [&](stream_frame&& frame) { return fair = fair && handle_peer_frame(frame); });
  if (!taken) return give_up("what it says can't be read");
  if (!fair) return give_up("it breaks the rules of a stream");
  if (floods(*front_)) return give_up("it begins too many packets");
  flush(*front_);
  note_memory();
}

bool back_agent::charge(stream& to, std::size_t credit) {
  to.outstanding += credit;
  return to.outstanding <= most_outstanding;
}

bool back_agent::handle_peer_frame(stream_frame& frame) {
  if (const auto* const request = std::get_if<mtp::stream::open>(&frame.event))
    return open(frame.stream, *request);
  const auto found = by_remote_.find(frame.stream);
  if (found == by_remote_.end()) return true;
  auto& to = found->second;
  auto event = as_from_client(std::move(frame.event));
  if (!event) return true;
  const bool closes = std::holds_alternative<mtp::stream::close>(*event);
  if (auto* const data = std::get_if<mtp::stream::data>(&*event)) {
    const auto credit = credit_of(data->packet.size(), 1);
    if (!charge(to, credit - std::exchange(to.charged, 0))) return false;
    if (to.released) {
      // Its DC connection may be gone by now: this did not reach Telegram.
      send_to(*front_, {frame.stream, mtp::stream::refused{refusal::migrating}});
      forget(found);
      return true;
    }
    if (to.reactor != home().index())
      data->claim = side().core.memory.claim_transit(data->packet.size());
  }
  if (to.is_open)
    caf::anon_send(to.conn, frame_from_client{to.local, std::move(*event)});
  else if (closes)
    caf::anon_send(to.conn, cancel_stream{to.local});
  if (!closes) return true;
  front_->channel.drop_outgoing(frame.stream);
  forget(found);
  return true;
}

bool back_agent::open(stream_id remote, const mtp::stream::open& request_in) {
  if (remote <= last_remote_ || by_remote_.size() - released_ >= most_streams) return false;
  last_remote_ = remote;
  const auto local = side().core.next_stream(home().index());
  auto reserved = side().uplink->reserve(request_in, home().index());
  if (!reserved) {
    send_to(*front_, {remote, mtp::stream::refused{reserved.error()}});
    return true;
  }
  if (!*reserved) {
    // The front asks again.
    send_to(*front_, {remote, mtp::stream::migrate{}});
    return true;
  }
  open_stream order{.stream = local,
                    .client = caf::actor{this},
                    .request = request_in,
                    .reactor = home().index()};
  const auto asked = std::move(*reserved).redeem(order);
  by_remote_.emplace(remote, stream{.local = local, .conn = asked, .released = std::nullopt});
  remote_of_.emplace(local, remote);
  // No time-out: a pool or dc_conn answers at once, or has ended. How long a client waits for its
  // stream is up to the front, which then cancels it.
  request(asked, caf::infinite, std::move(order))
      .then([] {}, [this, remote](const caf::error&) { handle_unanswered(remote); });
  return true;
}

/// As if nobody could have been asked.
void back_agent::handle_unanswered(stream_id remote) {
  const auto found = by_remote_.find(remote);
  if (found == by_remote_.end()) return;
  send_to(*front_, {remote, mtp::stream::migrate{}});
  forget(found);
}

// -- from DC connections ------------------------------------------------------------------------

void back_agent::handle_opened(const stream_opened& opened) {
  const auto known = remote_of_.find(opened.stream);
  if (known == remote_of_.end()) {
    caf::anon_send(opened.conn, frame_from_client{opened.stream, mtp::stream::close{}});
    return;
  }
  auto& client_stream = by_remote_.at(known->second);
  client_stream.conn = opened.conn;
  client_stream.reactor = opened.reactor;
  client_stream.is_open = true;
  send_to(*front_, {known->second, mtp::stream::opened{opened.dc}});
}

bool back_agent::on_message(caf::mailbox_element& x) {
  auto* const frame = net::message_as<frame_to_client>(x);
  if (frame != nullptr) handle_local_frame(*frame);
  return frame != nullptr;
}

void back_agent::handle_local_frame(frame_to_client& frame) {
  const auto known = remote_of_.find(frame.stream);
  if (known == remote_of_.end()) return;
  const auto remote = known->second;
  const auto found = by_remote_.find(remote);
  if (const auto* const ack = std::get_if<mtp::stream::ack>(&frame.event)) {
    auto& outstanding = found->second.outstanding;
    outstanding -= std::min(outstanding, credit_of(ack->size, ack->packets));
  }
  const bool migrates = std::holds_alternative<mtp::stream::migrate>(frame.event);
  const bool ends = ends_stream(frame.event);
  // A client that is closed for what waits for it needs no more of that.
  if (const auto* const refused = std::get_if<mtp::stream::refused>(&frame.event);
      refused != nullptr && refused->why == refusal::too_slow)
    front_->channel.drop_outgoing(remote);
  send_to(*front_, {remote, to_wire(std::move(frame.event))});
  // Data may still come for it, unless it was never open.
  auto& from = found->second;
  if (migrates && from.is_open && !from.released && released_ < most_streams) {
    from.released = home().now();
    ++released_;
  } else if (ends) {
    forget(found);
  }
}

// -- ends ---------------------------------------------------------------------------------------

void back_agent::leave(const stream& client_stream) {
  if (client_stream.is_open)
    caf::anon_send(client_stream.conn,
                   frame_from_client{client_stream.local, mtp::stream::close{}});
  else if (client_stream.conn != nullptr)
    caf::anon_send(client_stream.conn, cancel_stream{client_stream.local});
}

back_agent::stream_map::iterator back_agent::forget(stream_map::iterator entry) {
  front_->channel.drop_incoming(entry->first);
  released_ -= entry->second.released ? 1 : 0;
  remote_of_.erase(entry->second.local);
  return by_remote_.erase(entry);
}

void back_agent::sweep(time_point limit) {
  for (auto at = by_remote_.begin(); at != by_remote_.end();)
    at = at->second.released && *at->second.released < limit ? forget(at) : std::next(at);
}

std::size_t back_agent::largest_held() const {
  return front_ ? front_->channel.largest().second : 0;
}

std::size_t back_agent::drop_largest_of(link_peer& peer) {
  const auto [remote, size] = peer.channel.largest();
  if (size == 0) return 0;
  front_->channel.drop_outgoing(remote);
  send_to(*front_, {remote, mtp::stream::refused{refusal::too_slow}});
  if (const auto found = by_remote_.find(remote); found != by_remote_.end()) {
    leave(found->second);
    forget(found);
  }
  return size;
}

void back_agent::give_up(std::string why) {
  caf::anon_send(options_.gateway, link_broken{options_.session, std::move(why)});
  quit();
}

void back_agent::close_all() {
  for (const auto& [remote, client_stream] : by_remote_)
    leave(client_stream);
  by_remote_.clear();
  remote_of_.clear();
  released_ = 0;
}

/// What waits for the link is lost with the session: the front can't know whose answers these were.
void back_agent::refuse_unsent() {
  for (const auto remote : front_->channel.waiting()) {
    front_->channel.drop_outgoing(remote);
    send_to(*front_, {remote, mtp::stream::refused{refusal::migrating}});
  }
}

void back_agent::stopped() {
  refuse_unsent();
  close_all();
  link_agent::stopped();
  demonitor(options_.gateway);
  options_.gateway = nullptr;
}

}  // namespace mtp::actors
