#include "tests/e2e/split_nodes.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>

#include "net/loop/entropy.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

namespace {

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

std::string list_of(const std::vector<std::string>& all) {
  std::string text = "[";
  for (const auto& item : all)
    text += (text.size() > 1 ? ", " : "") + quoted(item);
  return text + "]";
}

/// The node_link table, but for what only one role has.
std::string link_table(const split_node_options& how) {
  std::string text = "[node_link]\ntransport = " + quoted(how.transport) + '\n' + how.link + '\n';
  if (how.files)
    text += "certificate = " + quoted(how.files->certificate) +
            "\nkey = " + quoted(how.files->key) + "\nca = " + quoted(how.files->ca) + '\n';
  return text;
}

std::string host_of(const std::string& ip) {
  return ip.find(':') == std::string::npos ? ip : '[' + ip + ']';
}

}  // namespace

// -- back ---------------------------------------------------------------------------------------

test_node::options test_back::to_node(const std::string& name, const fake_telegram& telegram,
                                      const back_options& how, std::uint16_t port) {
  return {.config = "node_role = \"back\"\nnode_name = " + quoted(name) + '\n' +
                    telegram_lines(telegram, how.list_url) + how.config,
          .tables = tables(how, port),
          .arguments = {},
          .environment = how.environment,
          .max_open_files = how.max_open_files,
          .network = how.network,
          .before_program = how.before_program,
          .when_up = "waiting for fronts on",
          .program = how.program};
}

std::string test_back::tables(const back_options& how, std::uint16_t port) {
  auto text =
      link_table(how) + "listen = " + quoted(host_of(how.ip) + ':' + std::to_string(port)) + '\n';
  // Only our own TLS looks at names.
  if (how.transport == "tls") text += "allowed_nodes = " + list_of(how.allowed) + '\n';
  return text;
}

test_back::test_back(std::filesystem::path directory, const std::string& name,
                     const fake_telegram& telegram, const back_options& how, std::uint16_t port)
    : test_node{std::move(directory), to_node(name, telegram, how, port)},
      name_{name},
      how_{how},
      config_{to_node(name, telegram, how, port).config},
      port_{port} {}

test_back::test_back(std::filesystem::path directory, const std::string& name,
                     const fake_telegram& telegram, const back_options& how)
    : test_back{std::move(directory), name, telegram, how, free_port()} {}

std::string test_back::address() const {
  return name_ + '@' + host_of(how_.ip) + ':' + std::to_string(port_);
}

void test_back::allow(const std::vector<std::string>& names) {
  how_.allowed = names;
  configure(config_, tables(how_, port_));
}

// -- front --------------------------------------------------------------------------------------

test_node::options test_front::to_node(const std::string& name, const front_options& how,
                                       std::uint16_t port, const secret16& secret) {
  return {.config = "node_role = \"front\"\nnode_name = " + quoted(name) +
                    "\nback_nodes = " + list_of(how.backs) + '\n' + how.config,
          .tables = link_table(how) + port_table(how.ip, port, secret) + how.port_config,
          .arguments = {},
          .environment = how.environment,
          .max_open_files = how.max_open_files,
          .network = how.network,
          .before_program = how.before_program,
          .when_up = "listening on",
          .program = how.program};
}

test_front::test_front(std::filesystem::path directory, const std::string& name,
                       const front_options& how, std::uint16_t port, const secret16& secret)
    : test_node{std::move(directory), to_node(name, how, port, secret)},
      ip_{how.ip},
      port_{port},
      secret_{secret} {}

test_front::test_front(std::filesystem::path directory, const std::string& name,
                       const front_options& how)
    : test_front{std::move(directory), name, how, free_port(how.ip == "::1"),
                 how.secret ? *how.secret : net::random_array<16>()} {}

net::blocking_socket test_front::connect() const {
  const network_visit there{network()};
  auto socket = net::blocking_socket::connect(ip_, port_, soon());
  REQUIRE(socket);
  return std::move(*socket);
}

net::proxy_client test_front::client(const client_protocol& how, dc_id dc) const {
  return make_client(connect(), how, dc, secret_);
}

bool test_front::wait_until_connected(std::size_t sessions, std::chrono::milliseconds limit) const {
  return eventually([&] { return count_in_output(": connected (build") >= sessions; }, limit);
}

// -- all of them --------------------------------------------------------------------------------

split_nodes::split_nodes(const fake_telegram& telegram)
    : telegram_{&telegram}, authority_{directory_.path(), "ca"} {}

test_back& split_nodes::add_back(const std::string& name, back_options how) {
  if (!how.files && how.transport != "plain")
    how.files = authority_.issue(name, {.name = name, .usage = key_usage::server});
  return backs_.emplace_back(directory_.path() / name, name, *telegram_, how);
}

test_front& split_nodes::add_front(const std::string& name, front_options how) {
  if (!how.files && how.transport != "plain")
    how.files = authority_.issue(name, {.name = name, .usage = key_usage::client});
  if (how.backs.empty())
    for (const auto& back : backs_)
      how.backs.push_back(back.address());
  return fronts_.emplace_back(directory_.path() / name, name, how);
}

void split_nodes::start_all() {
  for (auto& back : backs_)
    if (!back.running()) back.start();
  for (auto& front : fronts_) {
    if (front.running()) continue;
    front.start();
    INFO(front.output());
    REQUIRE(front.wait_until_connected(backs_.size()));
  }
}

std::chrono::milliseconds cpu_time(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  std::getline(in, text);
  // Behind the name, which may have anything in it: fields 14 and 15 are user and system time.
  std::istringstream fields{text.substr(text.rfind(')') + 2)};
  std::string skipped;
  for (int i = 3; i < 14; ++i)
    fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds{(user + system) * 1000 / sysconf(_SC_CLK_TCK)};
}

double resident_memory(pid_t pid) {
  if (const auto lack = missing_proc(); !lack.empty()) skip("resident memory: " + lack);
  std::ifstream in{"/proc/" + std::to_string(pid) + "/statm"};
  double total = 0;
  double pages = 0;
  in >> total >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace mtp::test
