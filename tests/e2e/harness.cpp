#include "tests/e2e/harness.hpp"

#include <algorithm>
#include <cstdlib>

#include "net/loop/entropy.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

bool is_split() {
  return std::getenv("MTP_E2E_SPLIT") != nullptr;
}

bool has_link_agents() {
  return is_split() || std::getenv("MTP_E2E_LINK_AGENTS") != nullptr;
}

bool left_out_when_split(const char* why) {
  if (is_split()) MESSAGE("not with a front and a back: ", why);
  return is_split();
}

proxy_under_test::proxy_under_test(options how)
    : how_{std::move(how)},
      secret_{net::random_array<16>()},
      port_{free_port(how_.listen_ip == "::1")} {
  REQUIRE(how_.telegram != nullptr);
  is_split() ? make_two() : make_one();
}

void proxy_under_test::make_one() {
  const auto list_url = how_.only_v6_list ? how_.telegram->config_v6_url() : std::string{};
  test_node::options node_options{
      .config = telegram_lines(*how_.telegram, list_url) + how_.config,
      .tables = port_table(how_.listen_ip, port_, secret_) + how_.port_config + '\n',
      .arguments = {},
      .environment = {},
      .max_open_files = how_.max_open_files,
      .network = nullptr,
      .before_program = how_.before_program,
      .when_up = how_.wait_until_up ? "listening on" : ""};
  if (has_link_agents()) node_options.arguments.emplace_back("--link-agents");
  front_ = std::make_unique<test_node>(directory_.path(), node_options);
  front_->start();
}

void proxy_under_test::make_two() {
  authority_ = std::make_unique<certificate_authority>(directory_.path(), "ca");
  back_options at_back;
  at_back.config = how_.config;
  at_back.files = authority_->issue("back", {.name = "back", .usage = key_usage::server});
  if (how_.only_v6_list) at_back.list_url = how_.telegram->config_v6_url();
  auto back =
      std::make_unique<test_back>(directory_.path() / "back", "back", *how_.telegram, at_back);
  front_options at_front;
  at_front.config = how_.config;
  at_front.files = authority_->issue("front", {.name = "front", .usage = key_usage::client});
  at_front.max_open_files = how_.max_open_files;
  at_front.before_program = how_.before_program;
  at_front.port_config = how_.port_config;
  at_front.ip = how_.listen_ip;
  at_front.backs = {back->address()};
  auto front = std::make_unique<test_front>(directory_.path() / "front", "front", at_front);
  port_ = front->port();
  secret_ = front->secret();
  back->start();
  front->start();
  INFO(front->output());
  REQUIRE(front->wait_until_connected());
  back_ = std::move(back);
  front_ = std::move(front);
}

// -- processes ----------------------------------------------------------------------------------

std::vector<test_node*> proxy_under_test::nodes() const {
  std::vector<test_node*> all{front_.get()};
  if (back_ != nullptr) all.push_back(back_.get());
  return all;
}

void proxy_under_test::signal(int number) const {
  for (auto* const node : nodes())
    node->program().signal(number);
}

std::optional<int> proxy_under_test::wait(std::chrono::milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int worst = 0;
  for (auto* const node : nodes()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto status = node->program().wait(std::max<std::chrono::milliseconds>(left, 0ms));
    if (!status) return std::nullopt;
    worst = std::max(worst, *status);
  }
  return worst;
}

std::string proxy_under_test::output() const {
  std::string text;
  for (const auto* const node : nodes())
    text += node->output();
  return text;
}

bool proxy_under_test::wait_for_output(std::string_view text) const {
  return eventually([&] { return output().find(text) != std::string::npos; }, patience);
}

// -- clients ------------------------------------------------------------------------------------

net::blocking_socket proxy_under_test::connect() const {
  auto socket = net::blocking_socket::connect(how_.listen_ip, port_, soon());
  REQUIRE(socket);
  return std::move(*socket);
}

net::proxy_client proxy_under_test::client_with_secret(const client_protocol& how, dc_id dc,
                                                       const secret16& secret) const {
  return make_client(connect(), how, dc, secret);
}

net::proxy_client proxy_under_test::client(const client_protocol& how, dc_id dc) const {
  return client_with_secret(how, dc, secret_);
}

// -- metrics ------------------------------------------------------------------------------------

series_values proxy_under_test::metrics() const {
  series_values values;
  for (const auto* const node : nodes())
    for (const auto& [name, value] : node->metrics())
      values[name] += value;
  return values;
}

double proxy_under_test::largest_metric(const std::string& series) const {
  double largest = 0;
  for (const auto* const node : nodes())
    largest = std::max(largest, node->metric(series));
  return largest;
}

double proxy_under_test::metric(const std::string& series) const {
  return value_of(metrics(), series);
}

bool proxy_under_test::wait_for_metric(const std::string& series, double value) const {
  return eventually([&] { return metric(series) == value; }, patience);
}

bool proxy_under_test::wait_for_metric_of_at_least(const std::string& series, double value) const {
  return eventually([&] { return metric(series) >= value; }, patience);
}

}  // namespace mtp::test
