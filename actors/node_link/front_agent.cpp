#include "actors/node_link/front_agent.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/node_link/link_events.hpp"
#include "codecs/base/text.hpp"

namespace mtp::actors {

namespace {

/// A stream on which nothing has come or gone for so long can be moved without loss: longer than a
/// client_conn takes a request for one in flight.
constexpr std::chrono::seconds quiet_time{6};

}  // namespace

front_agent::front_agent(caf::actor_config& cfg, net::reactor& home, node_link_side& side)
    : link_agent{cfg, home, side} {}

caf::behavior front_agent::start() {
  set_down_handler([this](caf::down_msg& down) {
    const auto of = std::ranges::find_if(backs_, [&](const auto& item) {
      return item.second.peer && item.second.peer->agent == down.source;
    });
    if (of == backs_.end()) return;
    // Of a lost connection back_session hears, too, and knows more of it.
    if (down.reason == caf::exit_reason::remote_link_unreachable)
      end_session(of->first);
    else
      give_up(of->first, "the other agent is gone");
  });
  begin();
  follow_backs();
  for (const auto place : order_)
    caf::anon_send(side().core.names.find(names::back_session(place)),
                   link_agent_started{home().index()});
  return {
      [this](open_stream& request) { handle_open(request); },
      [this](const cancel_stream& cancel) { handle_cancel(cancel.stream); },
      [this](const link_blob& blob) { handle_blob(blob); },
      [this](const link_up& up) { handle_up(up); },
      [this](const link_down& down) { handle_down(down); },
      [this](config_changed) { follow_backs(); },
  };
}

void front_agent::for_each_peer(const std::function<void(link_peer&)>& each) {
  for (auto& [place, entry] : backs_)
    if (entry.peer) each(*entry.peer);
}

// -- backs --------------------------------------------------------------------------------------

void front_agent::follow_backs() {
  const auto known = side().backs.get();
  order_.clear();
  for (const auto& listed : *known) {
    order_.push_back(listed.place);
    auto& mine = backs_[listed.place];
    if (std::exchange(mine.is_leaving, listed.is_leaving) == listed.is_leaving) continue;
    mine.emptied_since.reset();
    mine.is_told_unused = false;
  }
  // Streams are only where there is a peer.
  std::erase_if(backs_, [this](const auto& item) {
    return !item.second.peer && std::ranges::find(order_, item.first) == order_.end();
  });
}

void front_agent::on_tick() {
  const bool has_other = std::ranges::any_of(
      backs_, [](const auto& item) { return item.second.peer && !item.second.is_leaving; });
  for (auto& [place, known] : backs_) {
    // Until there is another back, the one that is to be left serves on.
    if (known.is_leaving && has_other)
      empty(place, known);
    else
      known.emptied_since.reset();
  }
}

void front_agent::empty(std::size_t place, back& from) {
  const auto now = home().now();
  if (!from.emptied_since) from.emptied_since = now;
  const auto limit = settings().client.drain_timeout;
  if (limit.count() > 0 && now - *from.emptied_since > limit)
    end_session(place);
  else if (from.peer)
    move_quiet_streams(place);
  if (from.streams == 0 && !std::exchange(from.is_told_unused, true))
    caf::anon_send(side().core.names.find(names::back_session(place)),
                   back_usage{.reactor = home().index(), .in_use = false});
}

void front_agent::move_quiet_streams(std::size_t place) {
  const auto quiet_since = home().now() - quiet_time;
  auto& peer = *backs_[place].peer;
  const auto at_risk = peer.channel.at_risk();
  std::vector<stream_id> quiet;
  for (const auto& [id, client_stream] : streams_)
    if (client_stream.back == place && !client_stream.released &&
        client_stream.used < quiet_since && !at_risk.contains(id))
      quiet.push_back(id);
  for (const auto id : quiet) {
    const auto moved = streams_.find(id);
    if (moved == streams_.end()) continue;
    caf::anon_send(moved->second.client, frame_to_client{id, mtp::stream::migrate{}});
    release(moved->second);
    moved->second.is_moved = true;
    send_to(peer, {id, mtp::stream::close{}});
  }
}

// -- streams ------------------------------------------------------------------------------------

std::optional<std::size_t> front_agent::choose_back() const {
  std::optional<std::size_t> best;
  const bool balance = settings().link.back_nodes_policy == config::back_choice::balance;
  for (const auto place : order_) {
    const auto& candidate = backs_.at(place);
    if (!candidate.peer || (best && candidate.is_leaving)) continue;
    if (!best || (balance && candidate.streams < backs_.at(*best).streams)) best = place;
  }
  return best;
}

void front_agent::handle_open(open_stream& request) {
  if (const auto at = choose_back()) return open(request, *at);
  if (waiting_.size() >= max_waiting_clients) {
    caf::anon_send(request.client,
                   frame_to_client{request.stream, mtp::stream::refused{refusal::overloaded}});
    return;
  }
  waiting_.emplace(request.stream, std::move(request));
}

void front_agent::open(const open_stream& request, std::size_t at) {
  auto& to = backs_[at];
  streams_.emplace(
      request.stream,
      stream{.client = request.client, .back = at, .used = home().now(), .released = std::nullopt});
  ++to.streams;
  if (std::exchange(to.is_told_unused, false))
    caf::anon_send(side().core.names.find(names::back_session(at)),
                   back_usage{.reactor = home().index(), .in_use = true});
  send_to(*to.peer, {request.stream, request.request});
}

void front_agent::handle_cancel(stream_id id) {
  if (waiting_.erase(id) > 0) return;
  const auto known = streams_.find(id);
  if (known == streams_.end()) return;
  send_to(*backs_[known->second.back].peer, {id, mtp::stream::close{}});
  forget(known);
}

front_agent::stream_map::iterator front_agent::forget(stream_map::iterator entry) {
  auto& from = backs_[entry->second.back];
  from.streams -= entry->second.released ? 0 : 1;
  if (from.peer) from.peer->channel.drop_incoming(entry->first);
  return streams_.erase(entry);
}

void front_agent::release(stream& client_stream) {
  client_stream.released = home().now();
  --backs_.at(client_stream.back).streams;
}

bool front_agent::on_message(caf::mailbox_element& x) {
  auto* const frame = net::message_as<frame_from_client>(x);
  if (frame != nullptr) handle_local_frame(*frame);
  return frame != nullptr;
}

void front_agent::handle_local_frame(frame_from_client& frame) {
  const auto found = streams_.find(frame.stream);
  if (found == streams_.end()) return;
  if (found->second.is_moved) return handle_late_frame(found, frame);
  found->second.used = home().now();
  const bool closes = std::holds_alternative<mtp::stream::close>(frame.event);
  send_to(*backs_[found->second.back].peer, {frame.stream, to_wire(std::move(frame.event))});
  if (closes) forget(found);
}

/// The client had sent it before it heard that its stream has moved.
void front_agent::handle_late_frame(stream_map::iterator entry, const frame_from_client& frame) {
  if (std::holds_alternative<mtp::stream::ack>(frame.event)) return;
  if (std::holds_alternative<mtp::stream::data>(frame.event))
    caf::anon_send(entry->second.client,
                   frame_to_client{frame.stream, mtp::stream::refused{refusal::migrating}});
  forget(entry);
}

void front_agent::sweep(time_point limit) {
  for (auto at = streams_.begin(); at != streams_.end();)
    at = at->second.released && *at->second.released < limit ? forget(at) : std::next(at);
}

// -- sessions -----------------------------------------------------------------------------------

void front_agent::handle_up(const link_up& up) {
  follow_backs();
  // Left meanwhile.
  if (!backs_.contains(up.back)) return;
  end_session(up.back);
  monitor(up.peer);
  backs_[up.back].peer.emplace(up.session, up.peer, home().now());
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& [id, request] : waiting) {
    auto copy = request;
    handle_open(copy);
  }
}

void front_agent::handle_down(const link_down& down) {
  const auto of = backs_.find(down.back);
  if (of == backs_.end() || !of->second.peer || of->second.peer->channel.session() != down.session)
    return;
  end_session(down.back);
  follow_backs();
}

/// Its streams go elsewhere: those of which nothing is lost.
void front_agent::end_session(std::size_t at) {
  auto& from = backs_[at];
  if (!from.peer) return;
  const auto at_risk = from.peer->channel.at_risk();
  // What was on its way to us since we last heard anything may be lost, too.
  const auto silence =
      std::chrono::duration_cast<std::chrono::milliseconds>(home().now() - from.peer->heard);
  demonitor(from.peer->agent);
  from.peer.reset();
  for (auto entry = streams_.begin(); entry != streams_.end();) {
    const auto& [id, client_stream] = *entry;
    if (client_stream.back != at) {
      ++entry;
      continue;
    }
    if (!client_stream.released) {
      if (at_risk.contains(id))
        caf::anon_send(client_stream.client,
                       frame_to_client{id, mtp::stream::refused{refusal::migrating}});
      else
        caf::anon_send(client_stream.client,
                       frame_to_client{id, mtp::stream::migrate{.deaf = silence}});
    }
    entry = forget(entry);
  }
  note_memory();
}

void front_agent::give_up(std::size_t at, std::string why) {
  const auto session = backs_[at].peer->channel.session();
  end_session(at);
  caf::anon_send(side().core.names.find(names::back_session(at)),
                 link_broken{session, std::move(why)});
}

void front_agent::handle_blob(const link_blob& blob) {
  const auto content = as_bytes(blob.content);
  const auto session = stream_blob_reader{content}.header().session;
  const auto from = std::ranges::find_if(backs_, [&](const auto& item) {
    return item.second.peer && item.second.peer->channel.session() == session;
  });
  if (from == backs_.end()) return;
  const auto at = from->first;
  auto& peer = *from->second.peer;
  peer.heard = home().now();
  const auto taken = peer.channel.take(
      content, home().now(),
      [this, at](stream_id id, const stream_part&) {
        const auto found = streams_.find(id);
        return found != streams_.end() && found->second.back == at;
      },
      [this, at](stream_frame&& frame) {
        handle_peer_frame(at, frame);
        return true;
      });
  if (!taken) {
    spdlog::error("back {}: what it says can't be read: {}",
                  to_string(side().backs.find(at).value_or(known_back{.place = at})),
                  to_string(taken.error()));
    return give_up(at, "what it says can't be read");
  }
  if (floods(peer)) return give_up(at, "it begins too many packets");
  flush(peer);
  note_memory();
}

void front_agent::handle_peer_frame(std::size_t at, stream_frame& frame) {
  const auto found = streams_.find(frame.stream);
  if (found == streams_.end() || found->second.back != at) return;
  auto& to = found->second;
  if (to.is_moved) return;
  to.used = home().now();
  if (const auto* const opened = std::get_if<mtp::stream::opened>(&frame.event)) {
    to.is_open = true;
    caf::anon_send(to.client,
                   stream_opened{frame.stream, caf::actor{this}, home().index(), opened->dc});
    return;
  }
  auto event = as_to_client(std::move(frame.event));
  if (!event) return;
  auto& channel = backs_[at].peer->channel;
  const bool migrates = std::holds_alternative<mtp::stream::migrate>(*event);
  const bool ends = ends_stream(*event);
  const auto id = frame.stream;
  if (migrates && channel.has_unconfirmed(id)) {
    // On a slow link it comes when the DC connection is long gone.
    caf::anon_send(to.client, frame_to_client{id, mtp::stream::refused{refusal::migrating}});
    channel.drop_outgoing(id);
    send_to(*backs_[at].peer, {id, mtp::stream::close{}});
    forget(found);
    return;
  }
  caf::anon_send(to.client, frame_to_client{id, std::move(*event)});
  // Data may still come for it, unless it was never open. Until the client looks for a DC again,
  // and finds none, there may be many such streams.
  if (migrates && to.is_open && !to.released) {
    release(to);
  } else if (ends) {
    channel.drop_outgoing(id);
    forget(found);
  }
}

// -- memory -------------------------------------------------------------------------------------

std::size_t front_agent::largest_held() const {
  std::size_t largest = 0;
  for (const auto& [place, entry] : backs_)
    if (entry.peer) largest = std::max(largest, entry.peer->channel.largest().second);
  return largest;
}

std::size_t front_agent::drop_largest() {
  const auto most = largest_held();
  for (auto& [place, entry] : backs_)
    if (entry.peer && entry.peer->channel.largest().second == most)
      return drop_largest_of(*entry.peer);
  return 0;
}

std::size_t front_agent::drop_largest_of(link_peer& peer) {
  const auto [id, size] = peer.channel.largest();
  if (size == 0) return 0;
  peer.channel.drop_outgoing(id);
  send_to(peer, {id, mtp::stream::close{}});
  if (const auto found = streams_.find(id); found != streams_.end()) {
    caf::anon_send(found->second.client,
                   frame_to_client{id, mtp::stream::refused{refusal::too_slow}});
    forget(found);
  }
  return size;
}

void front_agent::stopped() {
  for (auto& [place, entry] : backs_)
    if (entry.peer) flush(*entry.peer);
  for (const auto& [place, entry] : backs_)
    end_session(place);
  // They ask again.
  for (const auto& [id, request] : waiting_)
    caf::anon_send(request.client, frame_to_client{id, mtp::stream::migrate{}});
  waiting_.clear();
  link_agent::stopped();
}

}  // namespace mtp::actors
