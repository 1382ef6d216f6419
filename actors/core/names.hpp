// Names under which actors are registered (actors/core/name_registry).
#pragma once

#include <string>
#include <string_view>

#include "codecs/base/dc_id.hpp"

namespace mtp::actors::names {

inline constexpr std::string_view root = "proxy_sup";
inline constexpr std::string_view inspector = "inspector";
inline constexpr std::string_view certificate_watch = "certificate_watch";
inline constexpr std::string_view http_fetcher = "http_fetcher";
inline constexpr std::string_view dc_conn_sup = "dc_conn_sup";
inline constexpr std::string_view dc_pool_sup = "dc_pool_sup";
inline constexpr std::string_view dc_config = "dc_config";
inline constexpr std::string_view back_session_sup = "back_session_sup";
inline constexpr std::string_view back_agent_sup = "back_agent_sup";
inline constexpr std::string_view link_gateway = "link_gateway";
inline constexpr std::string_view link_listener = "link_listener";
inline constexpr std::string_view replay_sweeper = "replay_sweeper";
inline constexpr std::string_view replay_writer = "replay_writer";
inline constexpr std::string_view cover_profiler = "cover_profiler";
inline constexpr std::string_view listener_sup = "listener_sup";

// One per reactor.
[[nodiscard]] std::string memory_guard(unsigned reactor);
[[nodiscard]] std::string client_roster(unsigned reactor);
[[nodiscard]] std::string front_agent(unsigned reactor);
[[nodiscard]] std::string listener(std::string_view port, unsigned reactor);

/// One per DC: `dc_pool_2`.
[[nodiscard]] std::string dc_pool(dc_id dc);
/// One per back, by its place (`known_back::place`).
[[nodiscard]] std::string back_session(std::size_t place);

}  // namespace mtp::actors::names
