#include "actors/client/cover_profiler.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/client/cover_measuring.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;
using namespace std::chrono;

/// Message to itself.
struct look_at_sites {};

constexpr milliseconds look_interval{1000};
/// Between two hellos of a round: to a site they are visitors who went away.
constexpr milliseconds least_gap{50};
constexpr milliseconds most_gap{350};
constexpr minutes first_wait{1};
constexpr minutes longest_wait{60};
/// So many rounds in a row have to be bad before they count: the network may be, or the site be
/// restarting.
constexpr unsigned bad_rounds = 3;
/// Where forwarded connections are crowded out: a loop does that in a moment, but so does a crowd.
constexpr minutes loop_check_interval{10};

seconds refresh_time() {
  return seconds{net::random_between<std::int64_t>(seconds{cover_measured_after_least}.count(),
                                                   seconds{cover_measured_after_most}.count())};
}

minutes wait_after(unsigned failures) {
  constexpr unsigned most_doublings = 6;
  return std::min<minutes>(first_wait * (1U << std::min(failures - 1, most_doublings)),
                           longest_wait);
}

cover_probe make_probe(hello_shape shape, const std::string& sni) {
  return make_cover_probe(shape, sni,
                          {.hybrid = net::random_x25519_share(),
                           .plain = net::random_x25519_share(),
                           .ech = net::random_x25519_share()},
                          net::random_array<cover_probe_random_size>());
}

/// How long ago, in Unix seconds; a clock that was ahead counts for now.
seconds age_of(const cover_profile& profile) {
  const auto measured = static_cast<std::int64_t>(profile.measured);
  return seconds{std::max<std::int64_t>(net::unix_time() - measured, 0)};
}

std::string describe(const cover_profile& profile) {
  std::size_t least = max_encrypted_flight;
  std::size_t most = 0;
  std::size_t samples = 0;
  for (const auto& of_shape : profile.samples)
    for (const auto& flight : of_shape) {
      std::size_t size = 0;
      for (const auto record : flight.records)
        size += record;
      least = std::min(least, size);
      most = std::max(most, size);
      ++samples;
    }
  return fmt::format("{} answers, {} to {} bytes behind ServerHello", samples,
                     std::min(least, most), most);
}

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::look_at_sites)

namespace mtp::actors {

void cover_profiler_state::follow_settings() {
  const auto& config = side->core.config;
  const auto generation = config.generation();
  if (generation == settings_generation) return;
  settings_generation = generation;
  const auto wanted = cover_sites_of(config.get()->client);
  if (std::ranges::equal(sites, wanted, {}, &measured_site::site)) return;

  running.reset();
  std::vector<measured_site> next;
  std::vector<std::string> texts;
  for (const auto& site : wanted) {
    texts.push_back(text_of(site));
    const auto known = std::ranges::find(sites, site, &measured_site::site);
    if (known != sites.end()) {
      next.push_back(std::move(*known));
      continue;
    }
    measured_site fresh{.site = site,
                        .text = texts.back(),
                        .profile = nullptr,
                        .due = self->clock().now(),
                        .told = {}};
    auto stored = files->load(fresh.text);
    if (stored && age_of(*stored) < cover_profile_age)
      take(fresh, std::make_shared<const cover_profile>(std::move(*stored)));
    next.push_back(std::move(fresh));
  }
  sites = std::move(next);
  files->keep_only(texts);
  publish();
}

void cover_profiler_state::take(measured_site& site, std::shared_ptr<const cover_profile> profile) {
  site.profile = std::move(profile);
  auto flaws = flaws_of(*site.profile);
  if (!site.site.is_cover || flaws == site.told) return;
  spdlog::info("cover site {}: {}", site.text, describe(*site.profile));
  for (const auto flaw : flaws)
    spdlog::warn("cover site {} {}", site.text, explain(flaw));
  site.told = std::move(flaws);
}

void cover_profiler_state::drop_old() {
  bool changed = false;
  for (auto& site : sites) {
    if (site.profile == nullptr || age_of(*site.profile) < cover_profile_age) continue;
    spdlog::warn("cover site {}: what it answered {} hours ago is used no longer", site.text,
                 duration_cast<hours>(age_of(*site.profile)).count());
    site.profile.reset();
    changed = true;
  }
  if (changed) publish();
}

void cover_profiler_state::publish() const {
  auto table = std::make_shared<cover_table>();
  for (const auto& site : sites) {
    const bool good = site.profile != nullptr && can_imitate(*site.profile);
    table->entries.push_back({.site = site.site,
                              .profile = good ? site.profile : nullptr,
                              .leads_back = site.leads_back});
  }
  side->covers.set(std::move(table));
}

milliseconds cover_profiler_state::look() {
  follow_settings();
  drop_old();
  const auto now = self->clock().now();
  const auto evicted = side->fronted.evictions();
  if (evicted != evictions && now >= next_loop_check) {
    evictions = evicted;
    next_loop_check = now + loop_check_interval;
    for (auto& site : sites)
      site.due = std::min(site.due, now);
  }
  if (!running) {
    const auto due = std::ranges::min_element(sites, {}, &measured_site::due);
    if (due == sites.end() || due->due > now) return look_interval;
    running.emplace(running_round{
        .place = static_cast<std::size_t>(due - sites.begin()), .round = {}, .trouble = {}});
  }
  measure();
  if (!running) return 0ms;
  return running->round.has_all_shapes()
             ? net::random_between(least_gap.count(), most_gap.count()) * 1ms
             : 0ms;
}

void cover_profiler_state::measure() {
  auto& site = sites[running->place];
  auto& round = running->round;
  const auto shape = *round.next();
  const auto probe = make_probe(shape, site.site.sni);
  side->probes.begin(probe.record);
  auto target =
      cover_target_of(site.site.target, *side, *side->core.config.get(), net::steady_clock::now());
  // Also one that has led back here: it may do so no longer.
  auto [flight, trouble] = measure_flight(target, probe, side->core.stopping);
  // An observer on its way can send it to us as well; but then the site answers, too.
  running->leads_back = side->probes.end() && flight.kind != flight_kind::tls13;
  if (side->core.stopping) return;
  running->trouble = std::move(trouble);
  round.add(flight);
  const bool over = running->leads_back || !round.next();
  // From the first answer of each shape on, it is better than none.
  if (!over && site.profile == nullptr && round.has_all_shapes()) {
    site.profile = std::make_shared<const cover_profile>(
        round.profile(site.text, static_cast<std::uint64_t>(net::unix_time()), nullptr));
    publish();
  }
  if (over) finish_round();
}

void cover_profiler_state::finish_round() {
  const auto over = std::move(*running);
  running.reset();
  auto& site = sites[over.place];
  auto& metrics = side->core.metrics;
  const auto count = [&](std::string_view result) {
    metrics
        .get_counter("mtproto_proxy_cover_measured_total", "Rounds of measuring a cover site",
                     {{"result", std::string{result}}})
        .add();
  };
  const auto now = self->clock().now();
  const bool led_back = std::exchange(site.leads_back, over.leads_back);
  if (over.leads_back || !over.round.is_answered()) {
    site.due = now + wait_after(++site.failures);
    count(over.leads_back ? "leads_back" : "no_answer");
    if (over.leads_back && !led_back)
      spdlog::error(
          "cover site {}: it leads back to this proxy: connections that are not a client's are not "
          "forwarded there; name a site that listens elsewhere",
          site.text);
    else if (!over.leads_back && site.failures == 1)
      spdlog::warn("cover site {}: can't be measured: {}", site.text, over.trouble);
    publish();
    return;
  }
  const bool was_good = site.profile != nullptr && can_imitate(*site.profile);
  if (was_good && !over.round.is_good() && ++site.failures < bad_rounds) {
    site.due = now + wait_after(site.failures);
    count("flawed");
    return;
  }
  site.failures = 0;
  site.due = now + refresh_time();
  auto seen = std::make_shared<const cover_profile>(
      over.round.profile(site.text, static_cast<std::uint64_t>(net::unix_time()),
                         over.round.is_good() ? site.profile.get() : nullptr));
  count(flaws_of(*seen).empty() ? "good" : "flawed");
  take(site, std::move(seen));
  if (const auto why = files->save(*site.profile); !why.empty())
    spdlog::warn("cover site {}: {}; it is measured again after a restart", site.text, why);
  publish();
}

caf::behavior cover_profiler(caf::stateful_actor<cover_profiler_state>* self, client_side& side) {
  auto& state = self->state;
  state.self = self;
  state.side = &side;
  state.evictions = side.fronted.evictions();
  state.files.emplace(side.core.config.get()->process.state_dir);
  self->send(self, look_at_sites{});
  return {
      [self](look_at_sites) {
        const auto again_in = self->state.look();
        self->delayed_send(self, again_in, look_at_sites{});
      },
  };
}

}  // namespace mtp::actors
