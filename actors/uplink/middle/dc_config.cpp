#include "actors/uplink/middle/dc_config.hpp"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "codecs/base/text.hpp"
#include "config/shown_text.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Messages to itself.
struct refresh_due {
  std::uint64_t number = 0;
};
struct sync_due {};
struct patience_over {};

constexpr std::string_view earlier_fetch = "what was fetched before";

constexpr auto sync_retry = 100ms;
/// More than the fetcher needs for all steps of a refresh.
constexpr auto fetcher_patience = 5min;

void use_built_in(telegram_config& in) {
  auto built_in = built_in_telegram_config();
  in.secret = std::move(built_in.secret);
  in.v4 = std::move(built_in.v4);
  in.v6 = std::move(built_in.v6);
}

/// The built-in lists do not mix with those of another source.
void forget_built_in(telegram_config& in) {
  const auto built_in = built_in_telegram_config();
  if (in.v4 != built_in.v4 || in.v6 != built_in.v6) return;
  in.secret.clear();
  in.v4 = {};
  in.v6 = {};
}

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::refresh_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::sync_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::patience_over)

namespace mtp::actors {

void dc_config_state::load() {
  const auto settings = side->settings();
  // A restarted dc_config goes on with what its predecessor knew.
  draft = *side->telegram.get();
  source = "the configuration known before";
  if (draft.secret.empty() && files.load(draft)) source = "the copy on disk";
  draft.external_v4 = settings->external_ip ? settings->external_ip : draft.external_v4;
  draft.external_v6 = settings->external_ipv6;
  has_configured_v4 = settings->external_ip.has_value();
  // The built-in list is for when nothing better can be had: a fetch is tried first.
  if (draft.secret.empty())
    self->delayed_send(self, settings->core_api_http_timeout, patience_over{});
  else
    publish();
}

/// A fetch may take long to fail, one silent server after the other: clients do not wait for it.
void dc_config_state::start_without_fetch() {
  if (!side->telegram.get()->secret.empty()) return;
  warned = true;
  spdlog::warn("Telegram's configuration does not come: using the built-in list, and trying on");
  auto start = draft;
  use_built_in(start);
  side->telegram.set(std::make_shared<const telegram_config>(std::move(start)));
  sync_pools();
}

void dc_config_state::refresh() {
  if (refreshing) return;
  refreshing = true;
  refresh_is_outdated = false;
  schedule.begin(self->clock().now());
  failure.clear();
  if (const auto known = side->telegram.get(); !known->secret.empty()) draft = *known;
  forget_built_in(draft);
  const auto settings = side->settings();
  add_address_steps();
  steps.push_back({purpose::secret, settings->proxy_secret_url});
  steps.push_back({purpose::v4_list, settings->proxy_config_url});
  if (!settings->proxy_config_v6_url.empty())
    steps.push_back({purpose::v6_list, settings->proxy_config_v6_url});
  next_step();
}

/// All services in turn, the one first that answered last; but another one first if what it said
/// is in doubt. A public address of our own is what Telegram sees, and others need not hear of us;
/// in doubt, it takes its turn with the services.
void dc_config_state::add_address_steps() {
  const auto settings = side->settings();
  const auto& services = settings->ip_lookup_services;
  const bool in_doubt = std::exchange(keys_in_doubt, false);
  if (settings->external_ip || services.empty()) return;
  const auto telegram = built_in_telegram_config();
  const auto ours = net::source_address(telegram.v4.endpoints.begin()->second.front());
  const bool own_may_do = !settings->ip_lookup_always && !(ours && ours->is_private());
  if (own_may_do && !in_doubt) return;
  if (in_doubt) ++address_service;
  const auto first = address_service % (services.size() + (own_may_do ? 1 : 0));
  if (first == services.size()) {
    draft.external_v4.reset();
    return;
  }
  for (std::size_t i = 0; i < services.size(); ++i) {
    const auto at = (first + i) % services.size();
    steps.push_back({.goal = purpose::address, .url = services[at], .service = at});
  }
}

void dc_config_state::next_step() {
  if (steps.empty()) return finish_refresh();
  const auto now = std::move(steps.front());
  steps.pop_front();
  const auto fetcher = side->core.names.find(names::http_fetcher);
  if (fetcher == nullptr) {
    finish_step(now, {tl::unexpected<std::string>{"the fetcher is being restarted"}});
    return;
  }
  http_fetch order{.request = {.url = now.url,
                               .timeout = side->settings()->core_api_http_timeout,
                               .family = now.goal == purpose::address ? net::http_family::v4
                                                                      : net::http_family::any,
                               // What Telegram sees is our address, not that of a proxy for HTTP.
                               .through_proxy = now.goal != purpose::address}};
  self->request(fetcher, fetcher_patience, std::move(order))
      .then([this, now](const http_answer& answer) { finish_step(now, answer); },
            [this, now](const caf::error&) {
              finish_step(now, {tl::unexpected<std::string>{"the fetcher crashed"}});
            });
}

void dc_config_state::finish_step(const step& done, const http_answer& answer) {
  const auto why = answer.body ? accept(done.goal, *answer.body) : answer.body.error();
  const auto url = config::without_passwords(done.url);
  if (done.goal == purpose::address) {
    if (why.empty()) {
      std::erase_if(steps, [](const auto& planned) { return planned.goal == purpose::address; });
      address_service = done.service;
      address_warned = false;
    } else if (steps.front().goal != purpose::address && !std::exchange(address_warned, true)) {
      spdlog::warn(
          "no ip_lookup_services answered (last: {}: {}); set external_ip if this machine is "
          "behind NAT",
          url, why);
    }
  } else if (!why.empty()) {
    spdlog::debug("{}: {}", url, why);
    // IPv6 middle proxies are an extra: their list may be missing.
    if (done.goal != purpose::v6_list && failure.empty()) failure = url + ": " + why;
  } else if (answer.clock_ahead) {
    judge_clock(url, *answer.clock_ahead);
  }
  next_step();
}

std::string dc_config_state::accept(purpose goal, const std::string& body) {
  switch (goal) {
    case purpose::address: {
      const auto ours = ip_address::parse(trimmed(body));
      if (!ours || !ours->is_v4() || ours->is_any() || ours->is_loopback())
        return "the answer is not an IPv4 address that others could reach";
      // It was set while the answer was on its way.
      if (side->settings()->external_ip) return {};
      if (draft.external_v4 != ours) side->address_found(*ours);
      draft.external_v4 = ours;
      return {};
    }
    case purpose::secret:
      if (!is_proxy_secret(as_bytes(body))) return "the answer is not a proxy secret";
      draft.secret = to_bytes(as_bytes(body));
      return {};
    case purpose::v4_list:
    case purpose::v6_list: {
      auto read = parse_dc_list(body);
      if (!read) return "the answer is not a list of middle proxies";
      tell_broken_lines(goal, *read);
      accept_list(std::move(read->list), goal == purpose::v4_list);
      return {};
    }
  }
  return {};
}

void dc_config_state::accept_list(dc_list fetched, bool v4) {
  auto& known = v4 ? draft.v4 : draft.v6;
  if (!fetched.default_dc) fetched.default_dc = known.default_dc;
  const auto missing = (v4 ? lost_v4 : lost_v6).restore(fetched, known, self->clock().now());
  if (!missing.empty())
    spdlog::warn("Telegram's list for {} lacks dc {} all of a sudden: kept for {} h",
                 v4 ? "IPv4" : "IPv6", fmt::join(missing, ", "), lost_dcs::kept_for.count());
  known = std::move(fetched);
}

void dc_config_state::judge_clock(const std::string& url, std::chrono::seconds ahead) {
  side->clock_ahead.set(std::make_shared<const std::optional<std::chrono::seconds>>(ahead));
  side->core.clock.compare(ahead, url);
  const auto off = describe_clock(ahead);
  if (off.empty() == !clock_warned) return;
  clock_warned = !off.empty();
  if (clock_warned)
    spdlog::warn(
        "this machine's clock is {} that of {}: Telegram closes connections if it is 30 s or more; "
        "set it",
        off, url);
  else
    spdlog::info("this machine's clock agrees with that of {} again", url);
}

/// Once, until there are other ones: a list comes every hour.
void dc_config_state::tell_broken_lines(purpose list, const dc_list_reading& read) {
  if (std::exchange(told_broken[list], read.broken) == read.broken || read.broken.empty()) return;
  const auto settings = side->settings();
  spdlog::warn("{}: left out what can't be read: {}",
               config::without_passwords(list == purpose::v4_list ? settings->proxy_config_url
                                                                  : settings->proxy_config_v6_url),
               describe_broken_lines(read));
}

void dc_config_state::finish_refresh() {
  refreshing = false;
  // Secret and lists belong together: all of them are taken over, or none.
  if (const auto known = side->telegram.get(); !failure.empty()) {
    draft.secret = known->secret;
    draft.v4 = known->v4;
    draft.v6 = known->v6;
  }
  if (draft.secret.empty() || draft.v4.endpoints.empty()) {
    use_built_in(draft);
    source = "the built-in list";
  }
  const bool changed = draft != *side->telegram.get();
  if (failure.empty()) {
    if (changed || warned || source != earlier_fetch)
      spdlog::info("Telegram's configuration fetched: {} DCs", draft.dcs().size());
    source = earlier_fetch;
    warned = false;
    if (const auto why = files.save(draft); changed && !why.empty())
      spdlog::warn("no copy of Telegram's configuration is kept: {}", why);
  }
  if (changed) publish();
  if (!failure.empty() && !std::exchange(warned, true))
    spdlog::warn("Telegram's configuration can't be fetched ({}): using {}, and trying again",
                 failure, source);
  schedule.end(failure.empty(), side->settings()->conf_refresh_interval,
               net::random_between(0, 999) / 1000.0, self->clock().now());
  if (refresh_is_outdated) return refresh();
  plan_refresh();
}

/// Takes the place of what was planned before.
void dc_config_state::plan_refresh() {
  if (refreshing) return;
  schedule.set_outage(!outages.empty());
  const auto delay = schedule.next() - self->clock().now();
  if (delay <= 0s) return refresh();
  self->delayed_send(self, delay, refresh_due{++last_due});
}

void dc_config_state::handle_doubt() {
  keys_in_doubt = true;
  schedule.ask();
  plan_refresh();
}

/// What is configured counts at once, for connections that are made from now on; the rest is
/// fetched.
void dc_config_state::heed_config() {
  const auto settings = side->settings();
  auto next = *side->telegram.get();
  if (settings->external_ip || has_configured_v4) next.external_v4 = settings->external_ip;
  next.external_v6 = settings->external_ipv6;
  has_configured_v4 = settings->external_ip.has_value();
  draft.external_v4 = next.external_v4;
  draft.external_v6 = next.external_v6;
  if (next != *side->telegram.get())
    side->telegram.set(std::make_shared<const telegram_config>(std::move(next)));
  for (const auto dc : pooled)
    caf::anon_send(side->core.names.find(names::dc_pool(dc)), config_changed{});
  if (refreshing)
    refresh_is_outdated = true;
  else
    refresh();
}

void dc_config_state::publish() {
  side->telegram.set(std::make_shared<const telegram_config>(draft));
  sync_pools();
}

void dc_config_state::sync_pools() {
  const auto sup = side->core.names.find(names::dc_pool_sup);
  if (sup == nullptr) return sync_pools_later();
  if (watched_sup != sup) self->monitor(sup);
  watched_sup = sup;
  const auto dcs = side->telegram.get()->dcs();
  const auto is_gone = [&](dc_id dc) { return std::ranges::find(dcs, dc) == dcs.end(); };
  for (const auto dc : pooled)
    if (is_gone(dc)) caf::anon_send(sup, stop_child{names::dc_pool(dc)});
  std::erase_if(outages, [&](const auto& item) { return is_gone(item.first); });
  pooled = {dcs.begin(), dcs.end()};
  for (const auto dc : dcs) {
    if (const auto pool = side->core.names.find(names::dc_pool(dc))) {
      caf::anon_send(pool, telegram_config_changed{});
      continue;
    }
    start_child order{.id = names::dc_pool(dc),
                      .start = [side = side, dc] { return spawn_dc_pool(*side, dc); }};
    // No time-out: a supervisor answers at once, or has ended. A late pool is found by its name.
    self->request(sup, caf::infinite, std::move(order))
        .then([](const caf::actor&) {}, [this](const caf::error&) { sync_pools_later(); });
  }
}

void dc_config_state::sync_pools_later() {
  if (std::exchange(sync_pending, true)) return;
  self->delayed_send(self, sync_retry, sync_due{});
}

caf::behavior dc_config(caf::stateful_actor<dc_config_state>* self, uplink_side& side) {
  auto& state = self->state;
  state.side = &side;
  state.files.directory = side.core.config.get()->process.state_dir;
  // Without their supervisor the pools are gone too.
  self->set_down_handler([&state](const caf::down_msg&) { state.sync_pools_later(); });
  state.load();
  state.refresh();
  return {
      [&state](const refresh_telegram_config&) { state.refresh(); },
      [&state](config_changed) { state.heed_config(); },
      [&state](const refresh_due& due) {
        if (due.number == state.last_due) state.refresh();
      },
      [&state](const patience_over&) { state.start_without_fetch(); },
      [&state](const sync_due&) {
        state.sync_pending = false;
        state.sync_pools();
      },
      [&state](const dc_outage& outage) { state.handle_outage(outage); },
      [&state](const dc_recovery& recovery) { state.handle_recovery(recovery.dc); },
      [&state](const dc_keys_in_doubt&) { state.handle_doubt(); },
      [&state](const outages_due&) { state.tell_outages(); },
  };
}

}  // namespace mtp::actors
