#include "actors/dc_config.hpp"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/supervisor.hpp"
#include "net/entropy.hpp"
#include "net/socket_address.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Messages to itself.
struct refresh_due {
  std::uint64_t number = 0;
};
struct sync_due {};
struct outages_due {};
struct patience_over {};

constexpr std::string_view earlier_fetch = "what was fetched before";

constexpr auto first_retry = 10s;
constexpr auto sync_retry = 100ms;
/// What happens within this time is told in one line.
constexpr auto outage_gathering = 1s;
/// More than the fetcher needs for all steps of a refresh.
constexpr auto fetcher_patience = 5min;

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::outages_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::patience_over)

namespace mtp::actors {

void dc_config_state::load() {
  const auto& settings = env->settings;
  // A restarted dc_config goes on with what its predecessor knew.
  draft = *env->telegram.get();
  source = "the configuration known before";
  if (draft.secret.empty() && files.load(draft)) source = "the copy on disk";
  draft.external_v4 = settings.external_ip ? settings.external_ip : draft.external_v4;
  draft.external_v6 = settings.external_ipv6;
  // The built-in list is for when nothing better can be had: a fetch is tried first.
  if (draft.secret.empty())
    self->delayed_send(self, settings.core_api_http_timeout, patience_over{});
  else
    publish();
}

/// A fetch may take long to fail, one silent server after the other: clients do not wait for it.
void dc_config_state::start_without_fetch() {
  if (!env->telegram.get()->secret.empty()) return;
  warned = true;
  spdlog::warn("Telegram's configuration does not come: using the built-in list, and trying on");
  auto start = draft;
  use_built_in(start);
  env->telegram.set(std::make_shared<const telegram_config>(std::move(start)));
  sync_pools();
}

void dc_config_state::refresh() {
  if (refreshing) return;
  refreshing = true;
  failure.clear();
  if (const auto known = env->telegram.get(); !known->secret.empty()) draft = *known;
  forget_built_in(draft);
  const auto& settings = env->settings;
  if (needs_address())
    for (const auto& url : settings.ip_lookup_services)
      steps.push_back({purpose::address, url});
  steps.push_back({purpose::secret, settings.proxy_secret_url});
  steps.push_back({purpose::v4_list, settings.proxy_config_url});
  if (!settings.proxy_config_v6_url.empty())
    steps.push_back({purpose::v6_list, settings.proxy_config_v6_url});
  next_step();
}

bool dc_config_state::needs_address() const {
  const auto& settings = env->settings;
  if (settings.external_ip) return false;
  if (settings.ip_lookup_always) return true;
  // A public address of our own is what Telegram sees; others need not hear of us.
  const auto telegram = built_in_telegram_config();
  const auto ours = net::source_address(telegram.v4.endpoints.begin()->second.front());
  return ours && ours->is_private();
}

void dc_config_state::next_step() {
  if (steps.empty()) return finish_refresh();
  const auto now = std::move(steps.front());
  steps.pop_front();
  const auto fetcher = env->names.find("http_fetcher");
  if (fetcher == nullptr) {
    finish_step(now, {tl::unexpected<std::string>{"the fetcher is being restarted"}});
    return;
  }
  http_fetch order{.request = {.url = now.url,
                               .timeout = env->settings.core_api_http_timeout,
                               .family = now.what == purpose::address ? net::http_family::v4
                                                                      : net::http_family::any}};
  self->request(fetcher, fetcher_patience, std::move(order))
      .then([this, now](const http_answer& answer) { finish_step(now, answer); },
            [this, now](const caf::error&) {
              finish_step(now, {tl::unexpected<std::string>{"the fetcher crashed"}});
            });
}

void dc_config_state::finish_step(const step& done, const http_answer& answer) {
  const auto why = answer.body ? accept(done.what, *answer.body) : answer.body.error();
  if (done.what == purpose::address) {
    if (why.empty())
      std::erase_if(steps, [](const auto& one) { return one.what == purpose::address; });
    else if (steps.front().what != purpose::address)
      spdlog::warn(
          "no ip_lookup_services answered (last: {}: {}); set external_ip if this machine is "
          "behind NAT",
          done.url, why);
  } else if (!why.empty()) {
    spdlog::debug("{}: {}", done.url, why);
    // IPv6 middle proxies are an extra: their list may be missing.
    if (done.what != purpose::v6_list && failure.empty()) failure = done.url + ": " + why;
  }
  next_step();
}

std::string dc_config_state::accept(purpose what, const std::string& body) {
  switch (what) {
    case purpose::address: {
      const auto ours = ip_address::parse(trimmed(body));
      if (!ours || !ours->is_v4() || ours->is_any() || ours->is_loopback())
        return "the answer is not an IPv4 address that others could reach";
      if (draft.external_v4 != ours) env->address_found(*ours);
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
      tell_broken_lines(what, *read);
      (what == purpose::v4_list ? draft.v4 : draft.v6) = std::move(read->list);
      return {};
    }
  }
  return {};
}

/// Once, until there are other ones: a list comes every hour.
void dc_config_state::tell_broken_lines(purpose list, const dc_list_reading& read) {
  if (std::exchange(told_broken[list], read.broken) == read.broken || read.broken.empty()) return;
  const auto& settings = env->settings;
  spdlog::warn("{}: left out what can't be read: {}",
               list == purpose::v4_list ? settings.proxy_config_url : settings.proxy_config_v6_url,
               describe_broken_lines(read));
}

void dc_config_state::finish_refresh() {
  refreshing = false;
  // Secret and lists belong together: all of them are taken over, or none.
  if (const auto known = env->telegram.get(); !failure.empty()) {
    draft.secret = known->secret;
    draft.v4 = known->v4;
    draft.v6 = known->v6;
  }
  if (draft.secret.empty() || draft.v4.endpoints.empty()) {
    use_built_in(draft);
    source = "the built-in list";
  }
  const bool changed = draft != *env->telegram.get();
  if (failure.empty()) {
    if (changed || warned || source != earlier_fetch)
      spdlog::info("Telegram's configuration fetched: {} DCs", draft.dcs().size());
    source = earlier_fetch;
    warned = false;
    failures_in_a_row = 0;
    if (const auto why = files.save(draft); changed && !why.empty())
      spdlog::warn("no copy of Telegram's configuration is kept: {}", why);
  }
  if (changed) publish();
  std::chrono::seconds delay = env->settings.conf_refresh_interval;
  if (!failure.empty()) {
    auto retry = first_retry;
    for (unsigned i = 0; i < failures_in_a_row && retry < delay; ++i)
      retry *= 2;
    delay = std::min<std::chrono::seconds>(retry, delay);
    ++failures_in_a_row;
    if (!std::exchange(warned, true))
      spdlog::warn("Telegram's configuration can't be fetched ({}): using {}, and trying again",
                   failure, source);
  }
  const auto jitter = std::chrono::milliseconds{delay} * net::random_between<int>(0, 99) / 1000;
  // A refresh that was asked for takes the place of the one that was due.
  self->delayed_send(self, delay + jitter, refresh_due{++last_due});
}

void dc_config_state::publish() {
  env->telegram.set(std::make_shared<const telegram_config>(draft));
  sync_pools();
}

void dc_config_state::sync_pools() {
  const auto sup = env->names.find("dc_pool_sup");
  if (sup == nullptr) return sync_pools_later();
  if (watched_sup != sup) self->monitor(sup);
  watched_sup = sup;
  const auto dcs = env->telegram.get()->dcs();
  const auto is_gone = [&](dc_id dc) { return std::ranges::find(dcs, dc) == dcs.end(); };
  for (const auto dc : pooled)
    if (is_gone(dc)) caf::anon_send(sup, stop_child{dc_pool_name(dc)});
  std::erase_if(outages, [&](const auto& item) { return is_gone(item.first); });
  pooled = {dcs.begin(), dcs.end()};
  for (const auto dc : dcs) {
    if (const auto pool = env->names.find(dc_pool_name(dc))) {
      caf::anon_send(pool, telegram_config_changed{});
      continue;
    }
    start_child order{.id = dc_pool_name(dc),
                      .start = [environment = env, dc] { return spawn_dc_pool(*environment, dc); }};
    self->request(sup, caf::infinite, std::move(order))
        .then([](const caf::actor&) {}, [this](const caf::error&) { sync_pools_later(); });
  }
}

void dc_config_state::sync_pools_later() {
  if (std::exchange(sync_pending, true)) return;
  self->delayed_send(self, sync_retry, sync_due{});
}

void dc_config_state::handle_outage(const dc_outage& outage) {
  outages.insert_or_assign(outage.dc, outage.why);
  tell_outages_soon();
}

void dc_config_state::handle_recovery(dc_id dc) {
  outages.erase(dc);
  tell_outages_soon();
}

void dc_config_state::tell_outages_soon() {
  if (std::exchange(telling, true)) return;
  self->delayed_send(self, outage_gathering, outages_due{});
}

void dc_config_state::tell_outages() {
  telling = false;
  std::vector<dc_id> lost;
  std::vector<dc_id> back;
  for (const auto& [dc, why] : outages)
    if (!told_outages.contains(dc)) lost.push_back(dc);
  for (const auto dc : told_outages)
    if (!outages.contains(dc)) back.push_back(dc);
  told_outages.clear();
  for (const auto& [dc, why] : outages)
    told_outages.insert(dc);
  if (!back.empty()) spdlog::info("connected again: dc {}", fmt::join(back, ", "));
  if (lost.empty()) return;
  const auto& [example, why] = *outages.find(lost.back());
  const auto known = env->telegram.get()->dcs();
  const bool all = std::ranges::all_of(known, [&](dc_id dc) { return outages.contains(dc); });
  if (all)
    spdlog::warn(
        "Telegram can't be reached: no connection to any of {} DCs (dc {}: {}); clients wait, "
        "and connecting goes on",
        outages.size(), example, why);
  else
    spdlog::warn("no connection to dc {} (dc {}: {}); connecting goes on", fmt::join(lost, ", "),
                 example, why);
}

caf::behavior dc_config(caf::stateful_actor<dc_config_state>* self, environment& env) {
  auto& state = self->state;
  state.env = &env;
  state.files.directory = env.settings.state_dir;
  // Without their supervisor the pools are gone too.
  self->set_down_handler([&state](const caf::down_msg&) { state.sync_pools_later(); });
  state.load();
  state.refresh();
  return {
      [&state](const refresh_telegram_config&) { state.refresh(); },
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
      [&state](const outages_due&) { state.tell_outages(); },
  };
}

}  // namespace mtp::actors
