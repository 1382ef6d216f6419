#include "actors/core/cover_connection.hpp"

#include <cerrno>
#include <system_error>

#include "codecs/base/overloaded.hpp"
#include "codecs/client/fronting_address.hpp"
#include "net/dial/limit_text.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unix_listener.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// While the backlog of a UNIX socket is full.
constexpr auto backlog_time = 20ms;

}  // namespace

cover_target make_cover_target(const config::fronting_target& site, std::vector<ip_address> own) {
  cover_target target{.to = {}, .proxy = site.proxy_protocol, .refusal = {}};
  std::visit(overloaded{
                 [&](const endpoint& at) { target.to = net::dial_target{.addresses = {at}}; },
                 [&](const config::named_site& named) {
                   net::dial_target dial{.host = named.host, .port = named.port};
                   dial.forbids = [own = std::move(own)](const ip_address& ip) {
                     return !why_not_dialled(ip, own).empty();
                   };
                   target.to = std::move(dial);
                 },
                 [&](const config::site_socket& at) { target.to = at.path; },
             },
             site.place);
  return target;
}

cover_connection::cover_connection(net::pinned_actor& actor, net::resolver& names,
                                   net::pipe_pool& pipes, cover_owner& owner, cover_target target,
                                   const connection_ends& visit)
    : actor_{&actor},
      owner_{&owner},
      limit_time_{target.limit},
      give_up_at_{actor.home().now() + target.limit},
      limit_{*this},
      relay_{new net::relay{actor.home(), pipes, *this}} {
  if (target.proxy) send(make_proxy_header(*target.proxy, visit));
  if (!target.refusal.empty()) {
    refusal_ = std::move(target.refusal);
    limit_.arm(actor.home().timers(), {});
    return;
  }
  if (auto* const path = std::get_if<std::string>(&target.to)) {
    path_ = std::move(*path);
    // Not from within this call.
    limit_.arm(actor.home().timers(), {});
    return;
  }
  limit_.arm(actor.home().timers(), target.limit);
  dialing_ = std::make_unique<net::dialing>(
      names, std::move(std::get<net::dial_target>(target.to)),
      net::dial_limits{.connect = target.limit}, [this](net::dial_result result) {
        actor_->run_as_handler([&] {
          if (result) return on_reached(std::move(result->fd));
          on_failed(result.error().error, result.error().text);
        });
      });
}

cover_connection::~cover_connection() {
  relay_->close();
  actor_->home().destroy_later(std::move(relay_));
}

void cover_connection::on_timer(net::timer&) {
  actor_->run_as_handler([&] {
    if (!refusal_.empty()) return on_failed(ECONNREFUSED, refusal_);
    if (!path_.empty()) return reach_unix();
    on_failed(ETIMEDOUT, "no answer within " + net::limit_text(limit_time_));
  });
}

void cover_connection::reach_unix() {
  auto fd = net::connect_unix(path_);
  if (fd) return on_reached(std::move(*fd));
  // Its backlog is full.
  if (fd.error() == EAGAIN && actor_->home().now() < give_up_at_) {
    limit_.arm(actor_->home().timers(), backlog_time);
    return;
  }
  on_failed(fd.error(), path_ + ": " + std::generic_category().message(fd.error()));
}

void cover_connection::on_reached(net::unique_fd fd) {
  limit_.cancel();
  dialing_.reset();
  net::set_no_delay(fd.get());
  net::set_keep_alive(fd.get());
  try {
    relay_->attach_far(std::move(fd));
  } catch (const std::system_error& error) {
    // The kernel is out of memory.
    on_failed(error.code().value(), error.what());
  }
}

void cover_connection::on_failed(int error, const std::string& why) {
  limit_.cancel();
  dialing_.reset();
  owner_->on_cover_unreachable(error, why);
}

void cover_connection::on_far_speaks() {
  actor_->run_as_handler([&] { owner_->on_cover_speaks(); });
}

void cover_connection::on_relay_over(int) {
  actor_->run_as_handler([&] { owner_->on_cover_over(); });
}

}  // namespace mtp::actors
