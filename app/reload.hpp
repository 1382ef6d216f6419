// Makes a running proxy follow its configuration: all of it, or nothing.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tl/expected.hpp>

#include "app/metrics_endpoint.hpp"
#include "app/node.hpp"
#include "config/difference.hpp"
#include "config/settings_file.hpp"

namespace mtp::app {

/// Reads the configuration again, with what the command line says instead.
using settings_reread =
    std::function<tl::expected<config::loaded_settings, std::vector<config::config_problem>>()>;

/// Any thread may ask; one reload at a time.
class reloader {
 public:
  /// `configured` is what `reread` returned at the start. `links_changed` is called when share
  /// links have changed.
  reloader(node& proxy, config::settings configured, settings_reread reread,
           std::function<void()> links_changed);

  /// At the start. Error, for the operator: the port can't be had.
  [[nodiscard]] tl::expected<void, std::string> open_metrics();

  /// Reads and checks everything and does all that can fail; then publishes it as one. Returns a
  /// line for each option that differs, secrets masked, and for each warning. Error: why nothing
  /// was changed, with file and line. Takes up to some seconds, while listeners of ports that are
  /// gone end. Has Telegram's configuration fetched anew in any case. The log has the same lines.
  [[nodiscard]] tl::expected<std::string, std::string> reload();

 private:
  [[nodiscard]] tl::expected<std::string, std::string> read_and_apply();
  [[nodiscard]] tl::expected<std::string, std::string> read_and_apply_file();
  [[nodiscard]] tl::expected<std::string, std::string> apply(const config::loaded_settings& loaded);
  [[nodiscard]] std::set<std::uint16_t> own_ports() const;
  void notify();

  node* proxy_;
  /// As the file said last, before the machine's limits; what takes a restart is as it was then.
  config::settings configured_;
  settings_reread reread_;
  std::function<void()> links_changed_;
  std::unique_ptr<metrics_endpoint> metrics_;
  std::mutex mutex_;
};

}  // namespace mtp::app
