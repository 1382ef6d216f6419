#include "codecs/base/error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "codecs/node_link/stream_frame.hpp"

namespace mtp {
namespace {

/// What Prometheus allows in our label values by custom: snake_case words.
bool is_label(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

TEST_CASE("errors: every name is a label of its own") {
  const std::set<std::string_view> distinct(errc_names.begin(), errc_names.end());
  CHECK(distinct.size() == errc_names.size());
  CHECK(std::ranges::all_of(errc_names, is_label));
}

TEST_CASE("errors: names stand at their enumerators") {
  CHECK(to_string(errc::abridged_max_size) == "abridged_max_size");
  CHECK(to_string(errc::unknown_protocol) == "unknown_protocol");
  CHECK(to_string(errc::tls_bad_client_hello) == "tls_bad_client_hello");
  CHECK(to_string(errc::tls_bad_record) == "tls_bad_record");
  CHECK(to_string(errc::full_bad_crc) == "full_bad_crc");
  CHECK(to_string(errc::rpc_malformed) == "rpc_malformed");
  CHECK(to_string(errc::rpc_bad_key_selector) == "rpc_bad_key_selector");
  CHECK(to_string(errc::rpc_refused) == "rpc_refused");
  CHECK(to_string(errc::bad_dc_list) == "bad_dc_list");
  CHECK(to_string(errc::bad_stream_frame) == "bad_stream_frame");
  CHECK(to_string(errc::bad_link_hello) == "bad_link_hello");
  CHECK(to_string(errc::bad_proxy_header) == "bad_proxy_header");
  CHECK(to_string(errc::tls_bad_server_flight) == "tls_bad_server_flight");
  CHECK(to_string(errc::bad_cover_profile) == "bad_cover_profile");
  CHECK(to_string(errc::bad_seen_batch) == "bad_seen_batch");
}

TEST_CASE("refusals: every name is a label of its own, in the order of the enumerators") {
  const std::set<std::string_view> distinct(refusal_names.begin(), refusal_names.end());
  CHECK(distinct.size() == refusal_names.size());
  CHECK(std::ranges::all_of(refusal_names, is_label));
  CHECK(to_string(refusal::no_conn) == "no_link");
  CHECK(to_string(refusal::overloaded) == "overloaded");
  CHECK(to_string(refusal::migrating) == "mid_send");  // the Erlang proxy's name for it
}

TEST_CASE("decoded: a value, nothing yet, or an error are told apart") {
  const decoded<int> value = 5;
  const decoded<int> nothing = std::nullopt;
  const decoded<int> error = fail(errc::not_aligned);
  CHECK((value && *value && **value == 5));
  CHECK((nothing && !*nothing));
  CHECK((!error && error.error() == errc::not_aligned));
}

}  // namespace
}  // namespace mtp
