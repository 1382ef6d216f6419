#include "tests/e2e/prober.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <list>
#include <regex>
#include <stdexcept>

#include "codecs/base/text.hpp"
#include "net/loop/blocking_socket.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

namespace {

using clock = net::blocking_socket::clock;

/// For a byte behind a FIN to be answered by a RST. `openssl s_server` still reads for 500 ms.
constexpr auto after_fin = 200ms;

/// The very bytes, to be read by people.
std::string escaped(std::string_view text) {
  std::string all;
  for (const char c : text)
    all += (c >= ' ' && c <= '~') || c == '\n' ? std::string{c}
                                               : "\\x" + to_hex(as_bytes(std::string_view{&c, 1}));
  return all;
}

bool starts_record(byte_view data) {
  return data.size() >= 5 && data[0] >= 20 && data[0] <= 24 && data[1] == 3 && data[2] <= 4;
}

/// A connection that runs its probe.
class visit {
 public:
  visit(const probe& script, std::uint16_t port, std::chrono::milliseconds quiet)
      : script_{&script}, quiet_{quiet}, port_{port}, socket_{connect(port)} {
    next_step();
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] bool is_over() const noexcept { return over_; }
  [[nodiscard]] observation take() { return std::move(seen_); }
  /// When something is to be done even if the socket says nothing.
  [[nodiscard]] clock::time_point deadline() const noexcept { return moved_ + patience(); }
  [[nodiscard]] pollfd wants() const noexcept {
    const auto in = finished_ ? 0 : POLLIN;
    const auto out = unsent_.empty() ? 0 : POLLOUT;
    return {.fd = socket_.fd(), .events = static_cast<short>(in | out), .revents = 0};
  }

  void turn(short events) {
    if ((events & (POLLERR | POLLHUP | POLLIN)) != 0) read();
    if (!over_ && (events & POLLOUT) != 0) write();
    if (!over_ && clock::now() >= deadline()) fell_silent();
  }

 private:
  static net::blocking_socket connect(std::uint16_t port) {
    auto socket = net::blocking_socket::connect("127.0.0.1", port, clock::now() + 10s);
    if (!socket) throw std::runtime_error{"the prober can't connect: " + socket.error()};
    net::set_no_delay(socket->fd());
    return std::move(*socket);
  }

  [[nodiscard]] std::chrono::milliseconds patience() const noexcept {
    if (asked_after_fin_) return after_fin;
    if (step_ < script_->steps.size())
      if (const auto* const wait = std::get_if<wait_for_silence>(&script_->steps[step_]))
        return wait->quiet;
    return quiet_;
  }

  void read() {
    bytes buffer(65536);
    while (true) {
      const auto size = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (size < 0) return end("RST");
      if (size == 0) return read_fin();
      if (!seen_.first_byte) seen_.first_byte = clock::now() - started_;
      append(received_, byte_view{buffer}.first(static_cast<std::size_t>(size)));
      moved_ = clock::now();
    }
  }

  void read_fin() {
    // After a FIN there is only a RST to come, which this call does not tell.
    if (finished_) {
      if (net::take_error(socket_.fd()) != 0) end("RST");
      return;
    }
    finished_ = true;
    write_down_received();
    seen_.events.emplace_back("FIN");
    seen_.end = clock::now() - started_;
    moved_ = clock::now();
    if (has_half_closed_) return conclude();
    const bool waits = step_ < script_->steps.size() &&
                       std::holds_alternative<wait_for_silence>(script_->steps[step_]);
    if (waits) return step_done();
    if (step_ >= script_->steps.size()) ask_after_fin();
  }

  void write() {
    const auto size = ::send(socket_.fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      // What came before can still be read.
      read();
      if (!over_) end("RST");
      return;
    }
    moved_ = clock::now();
    unsent_ = unsent_.subspan(static_cast<std::size_t>(size));
    if (unsent_.empty() && !asked_after_fin_) step_done();
  }

  void fell_silent() {
    if (asked_after_fin_) {
      seen_.events.emplace_back("takes more");
      return conclude();
    }
    if (step_ < script_->steps.size() && unsent_.empty()) {
      write_down_received();
      seen_.events.emplace_back("step " + std::to_string(step_ + 1));
      return step_done();
    }
    if (!unsent_.empty()) seen_.events.emplace_back("takes no more");
    write_down_received();
    seen_.events.emplace_back("open");
    conclude();
  }

  void step_done() {
    ++step_;
    moved_ = clock::now();
    next_step();
  }

  void next_step() {
    if (step_ == script_->steps.size()) {
      if (finished_) ask_after_fin();
      return;
    }
    const auto& step = script_->steps[step_];
    if (const auto* const sent = std::get_if<send_bytes>(&step)) {
      unsent_ = sent->data;
    } else if (std::holds_alternative<half_close>(step)) {
      has_half_closed_ = true;
      ::shutdown(socket_.fd(), SHUT_WR);
      finished_ ? conclude() : step_done();
    } else if (std::holds_alternative<reset_connection>(step)) {
      net::set_reset_on_close(socket_.fd(), true);
      conclude();
    }
  }

  void ask_after_fin() {
    static const bytes more{0};
    asked_after_fin_ = true;
    unsent_ = more;
  }

  void write_down_received() {
    for (auto& event : describe_received(received_))
      seen_.events.push_back(std::move(event));
    received_.clear();
  }

  void end(const std::string& how) {
    write_down_received();
    seen_.events.push_back(how);
    if (!seen_.end) seen_.end = clock::now() - started_;
    conclude();
  }

  void conclude() {
    write_down_received();
    over_ = true;
  }

  const probe* script_;
  std::chrono::milliseconds quiet_;
  std::uint16_t port_;
  net::blocking_socket socket_;
  clock::time_point started_ = clock::now();
  /// When something last went either way, or a step began.
  clock::time_point moved_ = started_;
  std::size_t step_ = 0;
  byte_view unsent_;
  bytes received_;
  bool finished_ = false;
  bool has_half_closed_ = false;
  bool asked_after_fin_ = false;
  bool over_ = false;
  observation seen_;
};

}  // namespace

std::vector<std::string> describe_received(byte_view received) {
  std::vector<std::string> events;
  while (starts_record(received)) {
    const auto size = load_be16(received.subspan(3));
    const auto body = received.subspan(5, std::min<std::size_t>(size, received.size() - 5));
    auto event = "record " + to_hex(received.first(3)) + ' ' + std::to_string(size);
    if (received[0] == 21 && size == 2 && body.size() == 2)
      event += " alert " + std::to_string(body[0]) + ' ' + std::to_string(body[1]);
    if (body.size() < size) event += " cut at " + std::to_string(body.size());
    events.push_back(std::move(event));
    received = received.subspan(5 + body.size());
  }
  if (received.empty()) return events;
  static const std::regex date{"\r\n[Dd]ate: [^\r]*\r\n"};
  events.push_back(
      escaped(std::regex_replace(std::string{as_text(received)}, date, "\r\nDate: *\r\n")));
  return events;
}

std::vector<observation> run_probes(std::span<const probe> probes,
                                    std::span<const std::uint16_t> ports, std::size_t at_once,
                                    std::chrono::milliseconds quiet) {
  struct running {
    std::size_t probe;
    visit at;
  };
  std::vector<observation> all(probes.size());
  std::deque<std::size_t> waiting;
  for (std::size_t i = 0; i < probes.size(); ++i)
    waiting.push_back(i);
  std::list<running> open;
  const auto port_of = [&](std::size_t probe) { return ports[probe % ports.size()]; };
  while (!waiting.empty() || !open.empty()) {
    std::erase_if(waiting, [&](std::size_t next) {
      const auto busy = std::ranges::count_if(
          open, [&](const running& other) { return other.at.port() == port_of(next); });
      if (static_cast<std::size_t>(busy) >= at_once) return false;
      open.push_back({.probe = next, .at = visit{probes[next], port_of(next), quiet}});
      return true;
    });
    std::vector<pollfd> wanted;
    auto until = clock::now() + 1s;
    for (const auto& [probe, at] : open) {
      wanted.push_back(at.wants());
      until = std::min(until, at.deadline());
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now());
    if (::poll(wanted.data(), wanted.size(), std::max(0, static_cast<int>(left.count()))) < 0)
      throw std::runtime_error{"poll failed"};
    auto told = wanted.begin();
    for (auto& [probe, at] : open) {
      at.turn((told++)->revents);
      if (at.is_over()) all[probe] = at.take();
    }
    std::erase_if(open, [](const running& other) { return other.at.is_over(); });
  }
  return all;
}

}  // namespace mtp::test
