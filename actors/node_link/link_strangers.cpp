#include "actors/node_link/link_strangers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>

#include "actors/core/metric_names.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::actors {

/// A stranger at the site.
class link_strangers::stay final : private cover_owner, private net::timer_owner {
 public:
  stay(link_strangers& in, net::unique_fd fd, const connection_ends& visit, cover_target target)
      : parent_{&in},
        site_{*in.actor_,        in.core_->resolver(in.actor_->home()),
              in.pipes_,         *this,
              std::move(target), visit},
        idle_{*this} {
    site_.take(std::move(fd));
    idle_.arm(in.actor_->home().timers(), idle_limit);
  }

  [[nodiscard]] net::steady_clock::time_point moved_at() const noexcept {
    return site_.moved_at().load(std::memory_order_relaxed);
  }
  /// Ends both connections, by a RST if `reset`. The site may tell of itself until this is
  /// destroyed.
  void close(bool reset) {
    parent_ = nullptr;
    idle_.cancel();
    site_.close(reset);
  }

 private:
  // Its socket has been taken already.
  void on_cover_speaks() override {}
  void on_cover_unreachable(int error, const std::string& why) override {
    if (parent_ != nullptr) parent_->on_unreachable(*this, error, why);
  }
  void on_cover_over() override {
    if (parent_ != nullptr) parent_->end(*this);
  }
  void on_timer(net::timer&) override {
    parent_->actor_->run_as_handler([this] {
      auto& home = parent_->actor_->home();
      const auto idle = home.now() - moved_at();
      if (idle < idle_limit) return idle_.arm(home.timers(), idle_limit - idle);
      parent_->end(*this);
    });
  }

  /// Null once it is over.
  link_strangers* parent_;
  cover_connection site_;
  net::timer idle_;
};

link_strangers::link_strangers(net::pinned_actor& actor, node_core& core)
    : actor_{&actor}, core_{&core}, reckoned_{actor.home().now()} {}

link_strangers::~link_strangers() {
  while (!stays_.empty())
    end(*stays_.front());
}

void link_strangers::forward(net::unique_fd fd, const endpoint& remote,
                             const config::fronting_target& site) {
  if (!is_within_rate()) {
    if (const auto line = events_.tell("rate", "", actor_->home().now()))
      spdlog::warn(
          "node link: more than {} strangers come per second, the rest is closed; does "
          "node_link.fronting lead back to this node?",
          rate);
    return actor_->home().close_later(std::move(fd));
  }
  const auto now = actor_->home().now();
  auto own = *addresses_.get(now);
  const auto& uplink = core_->settings(actor_->home()).uplink;
  for (const auto& ip : {uplink.external_ip, uplink.external_ipv6})
    if (ip) own.push_back(*ip);
  const connection_ends visit{.source = remote, .destination = net::local_endpoint(fd.get())};
  stays_.push_back(
      std::make_unique<stay>(*this, std::move(fd), visit, make_cover_target(site, std::move(own))));
  core_->metrics
      .get_counter("mtproto_proxy_link_forwarded_total",
                   "Connections at the port for fronts that were forwarded to node_link.fronting")
      .add();
  if (stays_.size() > most) evict_idlest();
}

bool link_strangers::is_within_rate() {
  const auto now = actor_->home().now();
  const std::chrono::duration<double> passed = now - std::exchange(reckoned_, now);
  left_ = std::min(left_ + passed.count() * rate, double{burst});
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

void link_strangers::evict_idlest() {
  auto& idlest =
      **std::ranges::min_element(stays_, {}, [](const auto& at) { return at->moved_at(); });
  end(idlest);
}

/// Where the host refuses a connection, or does not answer, nothing says FIN.
void link_strangers::on_unreachable(stay& from, int error, const std::string& why) {
  core_->metrics
      .get_counter("mtproto_proxy_link_forwarding_failed_total",
                   "Connections that node_link.fronting could not be reached for",
                   {{"reason", errno_label(error)}})
      .add();
  if (const auto line = events_.tell("site", why, actor_->home().now()))
    spdlog::warn("node link: node_link.fronting can't be reached: {}", *line);
  end(from, error != EACCES);
}

void link_strangers::end(stay& over, bool reset) {
  over.close(reset);
  const auto at = std::ranges::find(stays_, &over, [](const auto& item) { return item.get(); });
  actor_->home().destroy_later(std::move(*at));
  stays_.erase(at);
}

}  // namespace mtp::actors
