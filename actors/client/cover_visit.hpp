// A visitor's stay at a cover site: the connection to it, and its place among those forwarded.
#pragma once

#include <string>

#include "actors/client/fronted_table.hpp"
#include "actors/core/cover_connection.hpp"
#include "config/fronting.hpp"

namespace mtp::actors {

class client_conn;

/// Tells `conn`, whose visitor it is, of what happens there.
class cover_visit final : private cover_owner {
 public:
  /// `visit`: the ends of the visitor's connection; `seen`: all that the visitor has sent. Another
  /// visitor may have to end for this one.
  cover_visit(client_conn& conn, const config::fronting_target& to, const connection_ends& visit,
              byte_view seen);

  [[nodiscard]] cover_connection& site() noexcept { return site_; }
  [[nodiscard]] const config::fronting_target& target() const noexcept { return target_; }

 private:
  void on_cover_speaks() override;
  void on_cover_unreachable(int error, const std::string& why) override;
  void on_cover_over() override;

  client_conn* conn_;
  config::fronting_target target_;
  cover_connection site_;
  /// Before `site_` in its end: the table reads from there.
  fronted_place place_;
};

}  // namespace mtp::actors
