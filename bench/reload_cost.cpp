#include "bench/reload_cost.hpp"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "codecs/base/text.hpp"
#include "net/client/proxy_client.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::bench {

namespace {

using namespace std::chrono_literals;
using clock = net::proxy_client::clock;
using milliseconds = std::chrono::duration<double, std::milli>;

constexpr unsigned ports = 50;
constexpr unsigned rounds = 7;
constexpr auto patience = 10s;

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error{"reload: " + why};
}

/// A client that sends the next packet when the last one has come back.
class echoing_client {
 public:
  explicit echoing_client(const server& proxy) : client_{connect(proxy), {.secret = secret()}} {
    if (const auto done = client_.handshake(clock::now() + patience); !done) fail(done.error());
    thread_ = std::jthread{[this](const std::stop_token& stop) {
      while (!stop.stop_requested() && echo()) {
      }
    }};
  }

  /// The longest round trip since the last call.
  double take_longest() {
    const std::lock_guard lock{mutex_};
    if (!problem_.empty()) fail(problem_);
    return std::exchange(longest_, 0);
  }

 private:
  static secret16 secret() {
    secret16 key{};
    std::ranges::copy(*from_hex(server::secret()), key.begin());
    return key;
  }

  static net::blocking_socket connect(const server& proxy) {
    auto socket = net::blocking_socket::connect("127.0.0.1", proxy.port(), clock::now() + patience);
    if (!socket) fail(socket.error());
    return std::move(*socket);
  }

  /// False if it got nothing back.
  bool echo() {
    const auto begun = clock::now();
    const auto packet = net::random_array<64>();
    std::string why;
    if (const auto sent = client_.send(packet, false, begun + patience); !sent)
      why = sent.error();
    else if (const auto got = client_.receive(begun + patience); !got)
      why = got.error();
    const std::lock_guard lock{mutex_};
    longest_ = std::max(longest_, milliseconds{clock::now() - begun}.count());
    problem_ = why;
    return why.empty();
  }

  net::proxy_client client_;
  std::mutex mutex_;
  double longest_ = 0;
  std::string problem_;
  std::jthread thread_;
};

/// Tables of ports that are free; with new secrets each time.
std::string tables_of(const std::vector<std::uint16_t>& numbers) {
  std::string tables;
  for (const auto number : numbers)
    tables += "\n[[ports]]\nname = \"p" + std::to_string(number) +
              "\"\nlisten_ip = \"127.0.0.1\"\nport = " + std::to_string(number) + "\nsecret = \"" +
              to_hex(net::random_array<16>()) + "\"\n";
  return tables;
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

}  // namespace

reload_cost measure_reload(const std::string& program, const stand_in& telegram,
                           const std::filesystem::path& directory) {
  const auto console = (directory / "reload.sock").string();
  const server proxy{{.name = "proxy",
                      .program = program,
                      .config = "reactors = 1\nconsole_socket = \"" + console + "\"\n"},
                     telegram,
                     directory};
  const auto file = proxy.config_file();
  const auto without = text_of(file);
  std::vector<std::uint16_t> numbers;
  while (numbers.size() < ports)
    numbers.push_back(test::free_port());
  echoing_client client{proxy};
  std::this_thread::sleep_for(1s);  // its DC connection is there, memory is warm

  reload_cost cost;
  const auto reload = [&](const std::string& tables) {
    std::ofstream{file} << without << tables;
    static_cast<void>(client.take_longest());
    const auto begun = clock::now();
    test::process command{program,
                          {.arguments = {"reload", "-c", file}, .output = directory / "reload"}};
    if (command.wait(patience) != 0) fail(command.output());
    const auto took = clock::now() - begun;
    cost.waits.push_back(client.take_longest());
    cost.commands.push_back(milliseconds{took}.count());
    std::this_thread::sleep_for(took);
    cost.waits_at_rest.push_back(client.take_longest());
  };
  for (unsigned round = 0; round < rounds; ++round) {
    reload(tables_of(numbers));
    reload(tables_of(numbers));
    reload({});
  }
  return cost;
}

}  // namespace mtp::bench
