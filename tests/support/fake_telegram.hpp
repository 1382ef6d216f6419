// A stand-in for Telegram: core.telegram.org's configuration server and the middle proxies of
// several DCs, on loopback ports picked at run time, in a thread of its own.
//
// A middle proxy answers req_pq with resPQ; a packet that starts with `command_mark` with what the
// command asks for (see `fake_command`); anything else with the same bytes. Quick acks are sent
// when asked for.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "codecs/telegram/dc_list.hpp"
#include "codecs/telegram/rpc.hpp"
#include "net/loop/unique_fd.hpp"
#include "tests/support/fake_command.hpp"

namespace mtp::test {

struct fake_telegram_options {
  std::vector<dc_id> dcs{1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 203, -203};
  std::optional<dc_id> default_dc = 2;
  /// More middle proxies to name in the lists, in front of our own.
  std::vector<std::pair<dc_id, endpoint>> others;
  /// Middle proxies on ::1 instead of 127.0.0.1.
  bool ipv6 = false;
  /// Agree to CRC32C if the proxy offers it.
  bool crc32c = true;
  /// Behind the handshake, middle proxies send checksums of the kind that was not agreed on.
  bool wrong_checksums = false;
  /// Random unless given.
  bytes secret;
  /// Added to the clock in nonces, and to that of the configuration server.
  std::int32_t clock_skew = 0;
  std::int32_t config_clock_skew = 0;
};

/// What a middle proxy was told of a packet.
struct seen_request {
  dc_id dc = 0;
  std::uint32_t flags = 0;
  rpc::conn_id id = 0;
  endpoint client;
  endpoint proxy;
  std::optional<rpc::ad_tag> tag;
  std::size_t size = 0;
};

/// What the configuration server says: what is right, 503, 200 with the page of a captive portal,
/// or nothing while the connection stays open.
enum class config_answer : std::uint8_t { good, unavailable, nonsense, none };

class fake_telegram {
 public:
  explicit fake_telegram(fake_telegram_options options = {});
  fake_telegram(const fake_telegram&) = delete;
  fake_telegram& operator=(const fake_telegram&) = delete;
  fake_telegram(fake_telegram&&) = delete;
  fake_telegram& operator=(fake_telegram&&) = delete;
  ~fake_telegram();

  /// For proxy_secret_url, proxy_config_url and proxy_config_v6_url.
  [[nodiscard]] std::string url(std::string_view path) const;
  [[nodiscard]] std::string secret_url() const { return url("/getProxySecret"); }
  [[nodiscard]] std::string config_url() const { return url("/getProxyConfig"); }
  [[nodiscard]] std::string config_v6_url() const { return url("/getProxyConfigV6"); }
  [[nodiscard]] const bytes& secret() const noexcept { return options_.secret; }
  [[nodiscard]] endpoint middle_proxy(dc_id dc) const;

  // -- faults: each has happened when the call returns ------------------------------------------

  /// Refuses new RPC connections of a DC and closes those there are; or serves again.
  void set_dc_dead(dc_id dc, bool dead);
  /// Closes RPC connections of a DC, at most `count`; returns how many.
  std::size_t close_conns(dc_id dc, std::size_t count = SIZE_MAX);
  /// Closes the RPC connection that carries this client.
  void close_conn_of(dc_id dc, rpc::conn_id client);
  /// Reads and answers nothing on the DC's present and future connections; or goes on.
  void set_dc_silent(dc_id dc, bool silent);
  /// Sends a PING on every RPC connection of the DC.
  void ping_conns(dc_id dc, std::int64_t id);
  void set_config_answer(config_answer how);
  /// Changes the secret, for new RPC connections and for the configuration server.
  void set_secret(bytes secret);
  /// The configuration server has another secret than the middle proxies; empty: the same again.
  void set_served_secret(bytes secret);
  /// The middle proxy of a DC gets another port; RPC connections to the old one are closed.
  void move_dc(dc_id dc);
  /// Leaves a DC out of the lists, or names it again. It is served all the same.
  void set_dc_listed(dc_id dc, bool listed);

  // -- what happened ----------------------------------------------------------------------------

  /// RPC connections past the handshake, now.
  [[nodiscard]] std::size_t conns(dc_id dc) const;
  /// RPC connections accepted so far.
  [[nodiscard]] std::size_t conns_accepted(dc_id dc) const;
  /// Clients with a packet and without a CLOSE_CONN, now.
  [[nodiscard]] std::size_t clients(dc_id dc) const;
  /// The same, by RPC connection.
  [[nodiscard]] std::vector<std::set<rpc::conn_id>> clients_by_conn(dc_id dc) const;
  /// CLOSE_CONN messages so far.
  [[nodiscard]] std::size_t closed_clients(dc_id dc) const;
  [[nodiscard]] std::size_t pings_received() const;
  [[nodiscard]] std::vector<std::int64_t> pongs_received() const;
  /// The latest requests, at most 1000, oldest first.
  [[nodiscard]] std::vector<seen_request> requests() const;
  /// RPC connections that used CRC32C.
  [[nodiscard]] std::size_t crc32c_conns() const;
  /// Protocol errors of the proxy, as texts: should stay empty.
  [[nodiscard]] std::vector<std::string> complaints() const;
  /// Requests that the configuration server answered.
  [[nodiscard]] std::size_t config_requests() const;

 private:
  class loop;
  void run_in_loop(const std::function<void()>& action) const;

  fake_telegram_options options_;
  std::unique_ptr<loop> loop_;
  std::thread thread_;
};

}  // namespace mtp::test
