#include "actors/link_agent.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/routing.hpp"
#include "codecs/overloaded.hpp"
#include "net/entropy.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// A blob is sent at the end of the loop iteration, or once it has this many bytes.
constexpr std::size_t full_blob = std::size_t{64} * 1024;
constexpr auto reconnect_after = 100ms;

/// Whether a frame to a client ends its stream.
bool ends_stream(const stream::event& event) noexcept {
  return std::holds_alternative<stream::refused>(event) ||
         std::holds_alternative<stream::migrate>(event) ||
         std::holds_alternative<stream::close>(event);
}

}  // namespace

// -- both ---------------------------------------------------------------------------------------

link_agent::link_agent(caf::actor_config& cfg, net::reactor& home, environment& env)
    : pinned_actor{cfg, home}, env_{&env}, sweep_timer_{*this} {}

bool link_agent::on_message(caf::mailbox_element& x) {
  if (auto* const frame = net::message_as<stream_frame>(x)) {
    handle_local_frame(*frame);
    return true;
  }
  return false;
}

void link_agent::handle_blob(const link_blob& blob) {
  auto decoded = decode_stream_blob(blob.content);
  if (!decoded) {
    spdlog::error("{}: a blob of the other agent can't be read: {}", name(),
                  to_string(decoded.error()));
    return quit(caf::sec::runtime_error);
  }
  if (decoded->session != session_) return;
  for (auto& frame : decoded->frames)
    handle_peer_frame(frame);
}

void link_agent::use_session(std::uint64_t session, caf::actor peer) {
  session_ = session;
  peer_ = std::move(peer);
  blob_.clear();
}

void link_agent::send_to_peer(const stream_frame& frame) {
  if (peer_ == nullptr) return;
  // A blob has room for the largest packet, but not for others in front of it.
  if (const auto* const data = std::get_if<stream::data>(&frame.event);
      data != nullptr && blob_.size() + data->packet.size() > full_blob)
    flush();
  if (blob_.empty()) begin_stream_blob(session_, blob_);
  encode_stream_frame(frame, blob_);
  if (blob_.size() >= full_blob)
    flush();
  else
    home().flush_later(*this);
}

void link_agent::on_flush() {
  run_as_handler([this] { flush(); });
}

void link_agent::flush() {
  if (!blob_.empty()) caf::anon_send(peer_, link_blob{std::exchange(blob_, {})});
}

void link_agent::start_sweeping() {
  sweep_timer_.arm(home().timers(), release_time);
}

void link_agent::on_due(net::timer&) {
  sweep();
  start_sweeping();
}

void link_agent::stopped() {
  home().forget_flush(*this);
  flush();
  // Each agent of a pair has the other's handle: one must let go.
  if (peer_ != nullptr) demonitor(peer_);
  peer_ = nullptr;
  sweep_timer_.cancel();
}

// -- front --------------------------------------------------------------------------------------

caf::behavior front_link_agent::start() {
  set_down_handler([this](caf::down_msg& down) {
    if (peer() != down.source) return;
    use_session(0, nullptr);
    migrate_all();
    // Its name may still be registered.
    retry_timer_.arm(home().timers(), reconnect_after);
  });
  start_sweeping();
  connect();
  return {
      [this](open_stream& request) -> caf::result<void> {
        if (peer() == nullptr) return caf::sec::remote_lookup_failed;
        send_to_peer({request.stream, request.request});
        streams_.emplace(request.stream,
                         stream{.client = request.client, .released = std::nullopt});
        return caf::unit;
      },
      [this](const cancel_stream& cancel) {
        if (streams_.erase(cancel.stream) > 0) send_to_peer({cancel.stream, mtp::stream::close{}});
      },
      [this](const link_blob& blob) { handle_blob(blob); },
  };
}

void front_link_agent::connect() {
  const auto back = env().names.find(back_agent_name(home().index()));
  if (back == nullptr) return retry_timer_.arm(home().timers(), reconnect_after);
  monitor(back);
  const auto session = load_le<std::uint64_t>(net::random_array<sizeof(std::uint64_t)>());
  use_session(session, back);
  caf::anon_send(back, link_hello{session, caf::actor{this}});
}

void front_link_agent::on_due(net::timer& which) {
  if (&which == &retry_timer_)
    connect();
  else
    link_agent::on_due(which);
}

void front_link_agent::handle_peer_frame(stream_frame& frame) {
  const auto which = streams_.find(frame.stream);
  if (which == streams_.end()) return;
  auto& to = which->second;
  if (std::holds_alternative<mtp::stream::opened>(frame.event)) {
    caf::anon_send(to.client, stream_opened{frame.stream, caf::actor{this}, home().index()});
    return;
  }
  const bool migrates = std::holds_alternative<mtp::stream::migrate>(frame.event);
  const bool ends = ends_stream(frame.event);
  caf::anon_send(to.client, std::move(frame));
  if (migrates)
    to.released = home().now();
  else if (ends)
    streams_.erase(which);
}

void front_link_agent::handle_local_frame(stream_frame& frame) {
  const auto which = streams_.find(frame.stream);
  if (which == streams_.end()) return;
  send_to_peer(frame);
  if (std::holds_alternative<mtp::stream::close>(frame.event)) streams_.erase(which);
}

void front_link_agent::sweep() {
  const auto limit = home().now() - release_time;
  std::erase_if(streams_, [&](const auto& item) {
    return item.second.released && *item.second.released < limit;
  });
}

void front_link_agent::migrate_all() {
  for (const auto& [id, who] : streams_)
    if (!who.released) caf::anon_send(who.client, stream_frame{id, mtp::stream::migrate{}});
  streams_.clear();
}

void front_link_agent::stopped() {
  migrate_all();
  retry_timer_.cancel();
  link_agent::stopped();
}

// -- back ---------------------------------------------------------------------------------------

caf::behavior back_link_agent::start() {
  set_down_handler([this](caf::down_msg& down) {
    if (peer() != down.source) return;
    close_all();
    use_session(0, nullptr);
  });
  start_sweeping();
  return {
      [this](const link_hello& hello) {
        close_all();
        monitor(hello.front);
        use_session(hello.session, hello.front);
      },
      [this](const link_blob& blob) { handle_blob(blob); },
      [this](const stream_opened& opened) {
        const auto known = remote_of_.find(opened.stream);
        if (known == remote_of_.end()) {
          caf::anon_send(opened.link, stream_frame{opened.stream, mtp::stream::close{}});
          return;
        }
        auto& which = by_remote_.at(known->second);
        which.link = opened.link;
        which.reactor = opened.reactor;
        which.is_open = true;
        send_to_peer({known->second, mtp::stream::opened{}});
      },
  };
}

void back_link_agent::handle_peer_frame(stream_frame& frame) {
  if (const auto* const request = std::get_if<mtp::stream::open>(&frame.event))
    return open(frame.stream, *request);
  const auto which = by_remote_.find(frame.stream);
  if (which == by_remote_.end()) return;
  const auto& to = which->second;
  const bool closes = std::holds_alternative<mtp::stream::close>(frame.event);
  if (auto* const data = std::get_if<mtp::stream::data>(&frame.event);
      data != nullptr && to.reactor != home().index())
    data->claim = env().memory.claim_transit(data->packet.size());
  if (to.is_open)
    caf::anon_send(to.link, stream_frame{to.local, std::move(frame.event)});
  else if (closes)
    caf::anon_send(to.link, cancel_stream{to.local});
  if (closes) forget(frame.stream);
}

void back_link_agent::open(stream_id remote, const mtp::stream::open& request_in) {
  const auto local = env().next_stream(home().index());
  const auto asked = route_to_dc(env(), request_in.dc, home().index());
  // The front asks again.
  const auto nobody = [this, remote](const caf::error&) {
    send_to_peer({remote, mtp::stream::migrate{}});
    forget(remote);
  };
  by_remote_.insert_or_assign(remote, stream{.local = local,
                                             .link = asked,
                                             .reactor = home().index(),
                                             .is_open = false,
                                             .released = std::nullopt});
  remote_of_.insert_or_assign(local, remote);
  if (asked == nullptr) return nobody({});
  open_stream order{.stream = local,
                    .client = caf::actor{this},
                    .request = request_in,
                    .reactor = home().index()};
  request(asked, caf::infinite, std::move(order)).then([] {}, nobody);
}

void back_link_agent::handle_local_frame(stream_frame& frame) {
  const auto known = remote_of_.find(frame.stream);
  if (known == remote_of_.end()) return;
  const auto remote = known->second;
  const bool migrates = std::holds_alternative<mtp::stream::migrate>(frame.event);
  const bool ends = ends_stream(frame.event);
  send_to_peer({remote, std::move(frame.event)});
  if (migrates)
    by_remote_.at(remote).released = home().now();
  else if (ends)
    forget(remote);
}

void back_link_agent::forget(stream_id remote) {
  const auto which = by_remote_.find(remote);
  if (which == by_remote_.end()) return;
  remote_of_.erase(which->second.local);
  by_remote_.erase(which);
}

void back_link_agent::sweep() {
  const auto limit = home().now() - release_time;
  std::vector<stream_id> old;
  for (const auto& [remote, who] : by_remote_)
    if (who.released && *who.released < limit) old.push_back(remote);
  for (const auto remote : old)
    forget(remote);
}

void back_link_agent::close_all() {
  for (const auto& [remote, who] : by_remote_) {
    if (who.is_open)
      caf::anon_send(who.link, stream_frame{who.local, mtp::stream::close{}});
    else if (who.link != nullptr)
      caf::anon_send(who.link, cancel_stream{who.local});
  }
  by_remote_.clear();
  remote_of_.clear();
}

void back_link_agent::stopped() {
  close_all();
  link_agent::stopped();
}

}  // namespace mtp::actors
