#include "net/node_link/link_silence.hpp"

#include <algorithm>

namespace mtp::net {

void link_silence::watch(const std::shared_ptr<link_session>& session) {
  sessions_.push_back({.session = session, .received = session->received()});
}

void link_silence::look(time_point now, std::chrono::seconds limit) {
  const auto elapsed = std::min<steady_clock::duration>(now - last_look_, 2 * interval);
  last_look_ = now;
  std::erase_if(sessions_, [&](watched& known) {
    const auto session = known.session.lock();
    if (session == nullptr || session->ended()) return true;
    const auto received = session->received();
    known.silent = received == known.received ? known.silent + elapsed : steady_clock::duration{0};
    known.received = received;
    if (known.silent < limit) return false;
    session->cut("nothing came for " + std::to_string(limit.count()) + " s");
    return true;
  });
}

}  // namespace mtp::net
