#include "actors/node_link/link_strangers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "actors/core/metric_names.hpp"
#include "net/loop/free_descriptors.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Addresses are counted for so long.
constexpr auto rate_interval = 1s;
/// Of a second; more come to nothing.
constexpr std::size_t most_counted = 4096;

}  // namespace

/// A stranger at the site.
class link_strangers::stay final : public net::link_places::holder,
                                   private cover_owner,
                                   private net::timer_owner {
 public:
  /// Throws `std::system_error` if the reactor can't watch `fd`.
  stay(link_strangers& in, net::unique_fd fd, const connection_ends& visit, cover_target target)
      : holder{visit.source.ip},
        parent_{&in},
        site_{*in.actor_,        in.side_->core.resolver(in.actor_->home()),
              in.side_->pipes,   *this,
              std::move(target), visit},
        idle_{*this} {
    site_.take(std::move(fd));
    idle_.arm(in.actor_->home().timers(), idle_limit);
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
      const auto idle = home.now() - site_.moved_at().load(std::memory_order_relaxed);
      if (idle < idle_limit) return idle_.arm(home.timers(), idle_limit - idle);
      parent_->end(*this);
    });
  }

  /// Null once it is over.
  link_strangers* parent_;
  cover_connection site_;
  net::timer idle_;
};

link_strangers::link_strangers(net::pinned_actor& actor, node_link_side& side)
    : actor_{&actor}, side_{&side}, counted_since_{actor.home().now()} {}

link_strangers::~link_strangers() {
  while (!stays_.empty())
    end(*stays_.front());
}

void link_strangers::forward(net::unique_fd fd, const endpoint& remote,
                             const config::fronting_target& site) {
  const auto local = net::local_endpoint(fd.get());
  const auto obstacle = why_not(fd, remote, local, site);
  if (obstacle.empty()) return begin(std::move(fd), remote, local, site);
  if (const auto line = events_.tell(obstacle, actor_->home().now()))
    spdlog::warn("node link: a stranger is closed: {}", *line);
  actor_->home().close_later(std::move(fd));
}

std::string link_strangers::why_not(const net::unique_fd& fd, const endpoint& remote,
                                    const endpoint& local, const config::fronting_target& site) {
  if (const auto* const at = std::get_if<endpoint>(&site.place); at != nullptr && *at == local)
    return "node_link.fronting leads back to this node";
  if (net::free_descriptors(spare_descriptors, fd.get()) < spare_descriptors)
    return "too few descriptors are left";
  if (!is_within_rate(remote.ip))
    return fmt::format(
        "an address makes more than {} connections per second; does "
        "node_link.fronting lead back to this node?",
        rate);
  return {};
}

bool link_strangers::is_within_rate(const ip_address& from) {
  const auto now = actor_->home().now();
  if (now - counted_since_ >= rate_interval) {
    counted_.clear();
    counted_since_ = now;
  }
  const auto network = network_of(from);
  return (counted_.size() < most_counted || counted_.contains(network)) &&
         ++counted_[network] <= rate;
}

void link_strangers::begin(net::unique_fd fd, const endpoint& remote, const endpoint& local,
                           const config::fronting_target& site) {
  auto& core = side_->core;
  auto own = *addresses_.get(actor_->home().now());
  const auto& uplink = core.settings(actor_->home()).uplink;
  for (const auto& ip : {uplink.external_ip, uplink.external_ipv6})
    if (ip) own.push_back(*ip);
  try {
    stays_.push_back(std::make_unique<stay>(*this, std::move(fd),
                                            connection_ends{.source = remote, .destination = local},
                                            make_cover_target(site, std::move(own))));
  } catch (const std::system_error& error) {
    // The kernel is out of memory.
    spdlog::debug("node link: a stranger is closed: {}", error.what());
    return;
  }
  core.metrics
      .get_counter("mtproto_proxy_link_forwarded_total",
                   "Connections at the port for fronts that were forwarded to node_link.fronting")
      .add();
  if (auto* const leaver = places_.add(*stays_.back())) end(static_cast<stay&>(*leaver));
}

/// Where the host refuses a connection, or does not answer, nothing says FIN.
void link_strangers::on_unreachable(stay& from, int error, const std::string& why) {
  side_->core.metrics
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
  places_.remove(over);
  const auto at = std::ranges::find(stays_, &over, [](const auto& item) { return item.get(); });
  actor_->home().destroy_later(std::move(*at));
  stays_.erase(at);
}

}  // namespace mtp::actors
