// Keeps the proxy's data about Telegram (telegram_config) up to date, and a pool for every DC. Twin
// of mtp_config.
#pragma once

#include <caf/stateful_actor.hpp>
#include <deque>
#include <map>
#include <set>

#include "actors/uplink/middle/dc_pool.hpp"
#include "actors/uplink/middle/http_fetcher.hpp"
#include "actors/uplink/middle/lost_dcs.hpp"
#include "actors/uplink/middle/refresh_schedule.hpp"

namespace mtp::actors {

/// Message: fetch everything again now. No reply.
struct refresh_telegram_config {};
/// To itself.
struct outages_due {};

struct dc_config_state {
  explicit dc_config_state(caf::event_based_actor* actor) : self{actor} {}

  enum class purpose : std::uint8_t { address, secret, v4_list, v6_list };
  struct step {
    purpose goal;
    std::string url;
    /// For an address: the service's place in `ip_lookup_services`.
    std::size_t service = 0;
  };

  void load();
  void start_without_fetch();
  void refresh();
  void add_address_steps();
  void next_step();
  void finish_step(const step& done, const http_answer& answer);
  /// Puts a fetched text into the draft; an empty text means it was good, else why not.
  [[nodiscard]] std::string accept(purpose goal, const std::string& body);
  void tell_broken_lines(purpose list, const dc_list_reading& read);
  void accept_list(dc_list fetched, bool v4);
  void judge_clock(const std::string& url, std::chrono::seconds ahead);
  void finish_refresh();
  void plan_refresh();
  void handle_doubt();
  void heed_config();
  void publish();
  void sync_pools();
  void sync_pools_later();

  // Which DCs can't be reached; changes are told together.
  void handle_outage(const dc_outage& outage);
  void handle_recovery(dc_id dc);
  void tell_outages_soon();
  void tell_outages();

  caf::event_based_actor* self;
  uplink_side* side = nullptr;
  telegram_config_files files;
  /// Where the present configuration is from, for the log.
  std::string source;

  // A refresh under way.
  std::deque<step> steps;
  telegram_config draft;
  /// The first thing that went wrong with the secret or the IPv4 list.
  std::string failure;
  /// Lines of the lists that the operator was told of.
  std::map<purpose, std::vector<broken_line>> told_broken;
  /// A connection was lost in its handshake since the last refresh.
  bool keys_in_doubt = false;
  /// The look-up service that is asked first, modulo the number of services that take turns.
  std::size_t address_service = 0;
  lost_dcs lost_v4;
  lost_dcs lost_v6;
  bool clock_warned = false;
  bool address_warned = false;

  refresh_schedule schedule;

  /// The dc_pool_sup that is monitored, and the DCs it was asked to have pools for.
  caf::actor watched_sup;
  std::set<dc_id> pooled;
  std::map<dc_id, std::string> outages;
  std::set<dc_id> told_outages;
  bool telling = false;

  bool refreshing = false;
  /// The settings have changed during this refresh: it may have asked the wrong servers.
  bool refresh_is_outdated = false;
  bool sync_pending = false;
  /// Number of the planned refresh: earlier plans that were overtaken have smaller numbers.
  std::uint64_t last_due = 0;
  bool warned = false;

  /// The draft's IPv4 address is the operator's `external_ip`.
  bool has_configured_v4 = false;

  static inline const char* name = "dc_config";
};

/// Behavior: starts with the copy on disk; without one it fetches, and if that takes longer than
/// `core_api_http_timeout_ms` starts with the built-in list meanwhile: no client waits for a
/// blocked core.telegram.org. Refreshes every `conf_refresh_interval`, sooner after a failure, and
/// at most once a minute while there are signs that its data are wrong. Only valid data replace
/// earlier data.
/// - `refresh_telegram_config`.
/// - `config_changed`: configured addresses count at once; the rest is fetched with the new
/// settings.
/// - `dc_outage`, `dc_recovery` from pools: logged, many DCs in one line. During an outage
/// refreshes
///   go on.
/// - `dc_keys_in_doubt` from pools: there is a refresh soon, and our address is looked up anew.
caf::behavior dc_config(caf::stateful_actor<dc_config_state>* self, uplink_side& side);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::refresh_telegram_config)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::outages_due)
