// The last phase of a client's connection, if bytes are still owed to the client.
#pragma once

#include <memory>

#include "actors/client/client_session.hpp"

namespace mtp::actors {

class client_conn;

class closing_phase {
 public:
  [[nodiscard]] static std::string_view name() noexcept { return "closing"; }

  explicit closing_phase(std::unique_ptr<client_session> session) : session_{std::move(session)} {}

  void start(client_conn& conn);
  void on_sent(client_conn& conn);
  [[nodiscard]] client_session& session() const noexcept { return *session_; }

 private:
  std::unique_ptr<client_session> session_;
};

}  // namespace mtp::actors
