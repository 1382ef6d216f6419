// What moving the bytes takes at the least: a proxy without actors in one file, as the measure of
// the real one. A thread a processor, each with its own epoll, its own listener (SO_REUSEPORT) and
// its own connections to one middle proxy; our codecs; packets that arrive in one turn leave in one
// write a socket.
//
// It is no proxy for people: no check for replays, no time-outs, no metrics, no migration when the
// middle proxy goes (it ends), one DC for all. Its flow control is crude: who lets 64 MiB wait for
// it is closed, and nobody is read while a connection to the middle proxy has 1 MiB to send.
#include <malloc.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <stdexcept>
#include <thread>

#include "codecs/base/overloaded.hpp"
#include "codecs/base/text.hpp"
#include "codecs/client/client_handshake.hpp"
#include "codecs/telegram/rpc.hpp"
#include "codecs/telegram/rpc_handshake.hpp"
#include "codecs/telegram/rpc_stream.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unique_fd.hpp"

namespace {

using namespace mtp;

constexpr std::size_t conns_per_thread = 2;
constexpr std::size_t read_size = std::size_t{512} * 1024;
constexpr std::size_t max_client_queue = std::size_t{64} * 1024 * 1024;
constexpr std::size_t max_conn_queue = std::size_t{1024} * 1024;
/// Stands for certificates in the answer to a hello.
constexpr std::size_t encrypted_flight = 3500;
/// Free memory that is kept: half of the CPU time of a download would be page faults otherwise.
constexpr int kept_memory = 64 * 1024 * 1024;

std::uint32_t unix_time() {
  return static_cast<std::uint32_t>(
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "floor: %s\n", what.c_str());
  std::_Exit(1);
}

/// A socket and what it did not take yet.
struct connection {
  enum class kind : std::uint8_t { listener, conn, client };

  connection(kind k, net::unique_fd f) : what{k}, fd{std::move(f)} {}

  /// Sends what waits and `more`, in one call as long as the kernel takes it. False if broken.
  bool send(bytes more) {
    if (!more.empty()) {
      queued += more.size();
      queue.push_back(std::move(more));
    }
    while (!queue.empty()) {
      std::array<iovec, 16> parts;
      std::size_t count = 0;
      for (auto& one : queue) {
        if (count == parts.size()) break;
        const auto from = count == 0 ? first_sent : 0;
        parts[count++] = {.iov_base = one.data() + from, .iov_len = one.size() - from};
      }
      msghdr message{};
      message.msg_iov = parts.data();
      message.msg_iovlen = count;
      const auto size = ::sendmsg(fd.get(), &message, MSG_NOSIGNAL);
      if (size < 0) return errno == EAGAIN;
      drop(static_cast<std::size_t>(size));
    }
    return true;
  }

  void drop(std::size_t size) {
    queued -= size;
    for (size += first_sent; !queue.empty() && size >= queue.front().size(); queue.pop_front())
      size -= queue.front().size();
    first_sent = size;
  }

  kind what;
  net::unique_fd fd;
  /// Has something to send at the end of the turn.
  bool dirty = false;
  /// What epoll was told.
  std::uint32_t interest = EPOLLIN;
  std::deque<bytes> queue;
  std::size_t first_sent = 0;
  std::size_t queued = 0;
};

struct conn final : connection {
  explicit conn(net::unique_fd f) : connection{kind::conn, std::move(f)} {}
  endpoint self;
  rpc::stream_reader reader;
  rpc::stream_writer writer;
};

struct client final : connection {
  explicit client(net::unique_fd f) : connection{kind::client, std::move(f)} {}
  /// Number in the high half, place in `worker::clients_` in the low one.
  rpc::conn_id id = 0;
  conn* to = nullptr;
  rpc::client_info info;
  std::unique_ptr<client_handshake> handshake;
  std::optional<obfuscated_reader> reader;
  std::optional<obfuscated_writer> writer;
};

struct settings {
  std::uint16_t port = 0;
  secret16 secret{};
  bytes proxy_secret;
  endpoint middle_proxy;
};

class worker {
 public:
  explicit worker(const settings& how) : settings_{how}, buffer_(read_size) {
    for (std::size_t i = 0; i < conns_per_thread; ++i)
      open_link();
    listen();
  }

  void run() {
    while (true) {
      std::array<epoll_event, 512> events;
      const int count =
          epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        handle(*static_cast<connection*>(event.data.ptr), event.events);
      }
      for (std::size_t i = 0; i < dirty_.size(); ++i)
        flush(*dirty_[i]);
      dirty_.clear();
      gone_.clear();
    }
  }

 private:
  // -- the middle proxy ---------------------------------------------------------------------------

  void open_link() {
    const auto address = net::to_socket_address(settings_.middle_proxy);
    net::unique_fd fd{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(fd.get(), address.get(), address.size) != 0) give_up("no middle proxy");
    net::set_no_delay(fd.get());
    auto& one = *conns_.emplace_back(std::make_unique<conn>(std::move(fd)));
    one.self = net::local_endpoint(one.fd.get());
    rpc::proxy_handshake handshake{
        settings_.proxy_secret, net::random_array<16>(), unix_time(), {1, 2, 3, 4}};
    one.writer.write(handshake.nonce());
    one.send(one.writer.take());
    const auto keys =
        handshake.on_nonce(await_frame(one), settings_.middle_proxy, one.self, unix_time());
    if (!keys) give_up("the middle proxy's nonce");
    one.writer.encrypt_with(keys->to_dc);
    one.reader.decrypt_with(keys->from_dc);
    one.writer.write(handshake.handshake());
    one.send(one.writer.take());
    const auto checksum = handshake.on_handshake(await_frame(one));
    if (!checksum) give_up("the middle proxy's handshake");
    one.writer.use(*checksum);
    one.reader.use(*checksum);
    one.reader.close();
    watch(one, EPOLL_CTL_ADD);
  }

  /// Blocks: there are no clients yet.
  bytes await_frame(conn& from) {
    while (true) {
      const auto frame = from.reader.next();
      if (!frame) give_up("the middle proxy sent nonsense");
      if (*frame) return to_bytes(**frame);
      from.reader.close();
      const auto size = ::recv(from.fd.get(), buffer_.data(), buffer_.size(), 0);
      if (size <= 0) give_up("the middle proxy hung up");
      from.reader.feed(byte_span{buffer_}.first(static_cast<std::size_t>(size)));
    }
  }

  void read_link(conn& from) {
    from.reader.feed(read(from));
    while (true) {
      const auto frame = from.reader.next();
      if (!frame) give_up("the middle proxy sent nonsense");
      if (!*frame) break;
      const auto message = rpc::decode_from_dc(**frame);
      if (!message) give_up("the middle proxy sent nonsense");
      std::visit(overloaded{[&](const rpc::proxy_ans& answer) { deliver(answer); },
                            [&](const rpc::simple_ack& ack) {
                              if (auto* const to = find(ack.id)) {
                                encode_quick_ack(to->info.kind, ack.confirm, to->writer->plain());
                                touch(*to);
                              }
                            },
                            [&](const rpc::close_ext& close) {
                              if (auto* const to = find(close.id)) this->close(*to, false);
                            },
                            [&](const rpc::ping& ping) {
                              head_.clear();
                              rpc::encode_pong(ping.id, head_);
                              from.writer.write(head_);
                              touch(from);
                            },
                            [](const auto&) {}},
                 *message);
    }
    from.reader.close();
  }

  void deliver(const rpc::proxy_ans& answer) {
    auto* const to = find(answer.id);
    if (to == nullptr) return;
    std::array<std::uint8_t, max_padding> padding;
    padding.fill(static_cast<std::uint8_t>(net::fast_random()()));
    const auto size = to->info.kind == framing::padded
                          ? net::random_between<std::size_t>(0, max_padding)
                          : std::size_t{0};
    encode_frame(to->info.kind, answer.packet, byte_view{padding}.first(size), to->writer->plain());
    touch(*to);
  }

  // -- clients ------------------------------------------------------------------------------------

  void listen() {
    net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    const auto at = net::to_socket_address({.ip = {}, .port = settings_.port});
    if (::bind(fd.get(), at.get(), at.size) != 0 || ::listen(fd.get(), 4096) != 0)
      give_up("can't listen");
    listener_ = std::make_unique<connection>(connection::kind::listener, std::move(fd));
    watch(*listener_, EPOLL_CTL_ADD);
  }

  void accept_all() {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    while (true) {
      net::unique_fd fd{::accept4(listener_->fd.get(), reinterpret_cast<sockaddr*>(&from), &size,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC)};
      if (!fd) return;
      net::set_no_delay(fd.get());
      if (free_.empty()) {
        free_.push_back(clients_.size());
        clients_.emplace_back();
      }
      const auto place = free_.back();
      free_.pop_back();
      auto& one = *(clients_[place] = std::make_unique<client>(std::move(fd)));
      one.id = static_cast<rpc::conn_id>(++accepted_ << 32 | place);
      one.to = conns_[accepted_ % conns_.size()].get();
      one.info = {.client = net::to_endpoint(from), .proxy = one.to->self};
      one.handshake = std::make_unique<client_handshake>(
          client_handshake::options{.secret = settings_.secret, .per_sni_salt = {}});
      watch(one, EPOLL_CTL_ADD);
    }
  }

  void read_client(client& from) {
    const auto data = read(from);
    if (data.empty()) return;
    if (from.handshake) return shake_hands(from, data);
    if (!from.reader->feed(data)) return close(from, true);
    forward(from);
  }

  void shake_hands(client& from, byte_view data) {
    auto step = from.handshake->feed(data);
    if (step && std::holds_alternative<client_handshake::hello_received>(*step)) {
      answer_hello(from, *std::get<client_handshake::hello_received>(*step).hello);
      step = from.handshake->feed({});
    }
    if (!step) return close(from, false);
    auto* const done = std::get_if<client_handshake::established>(&*step);
    if (done == nullptr) return;
    from.info.kind = done->kind;
    from.reader.emplace(std::move(done->reader));
    from.writer.emplace(std::move(done->writer));
    from.handshake.reset();
    if (!from.reader->feed({})) return close(from, true);
    forward(from);
  }

  void answer_hello(client& to, const client_hello& hello) {
    bytes encrypted(encrypted_flight);
    net::fill_random(encrypted);
    server_flight_random random{
        .x25519_key = net::random_x25519_share(), .mlkem_ciphertext = {}, .encrypted = encrypted};
    if (hello.x25519_mlkem768) net::fill_random(random.mlkem_ciphertext);
    if (!to.send(to.handshake->answer(random))) close(to, false);
  }

  void forward(client& from) {
    while (true) {
      const auto frame = decode_frame(from.info.kind, from.reader->view());
      if (!frame) return close(from, true);
      if (!*frame) break;
      head_.clear();
      rpc::encode_proxy_req_header(from.info, from.id, (*frame)->quick_ack, (*frame)->packet,
                                   head_);
      from.to->writer.write(head_, (*frame)->packet);
      touch(*from.to);
      from.reader->consume((*frame)->consumed);
    }
    from.reader->close();
  }

  client* find(rpc::conn_id id) {
    const auto place = static_cast<std::size_t>(id & 0xffff'ffff);
    if (place >= clients_.size() || clients_[place] == nullptr || clients_[place]->id != id)
      return nullptr;
    return clients_[place].get();
  }

  /// Its memory stays until the end of the turn: an event may still point at it.
  void close(client& who, bool tell) {
    if (tell && !who.handshake) {
      head_.clear();
      rpc::encode_close_conn(who.id, head_);
      who.to->writer.write(head_);
      touch(*who.to);
    }
    who.fd = {};
    const auto place = static_cast<std::size_t>(who.id & 0xffff'ffff);
    gone_.push_back(std::move(clients_[place]));
    free_.push_back(place);
  }

  // -- sockets ------------------------------------------------------------------------------------

  void handle(connection& which, std::uint32_t events) {
    if (which.what == connection::kind::listener) return accept_all();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && which.fd) {
      if (which.what == connection::kind::conn)
        read_link(static_cast<conn&>(which));
      else
        read_client(static_cast<client&>(which));
    }
    if ((events & EPOLLOUT) != 0 && which.fd) touch(which);
  }

  /// What came; nothing if the connection has ended (a client is closed then).
  byte_span read(connection& from) {
    const auto size = ::recv(from.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size > 0) return byte_span{buffer_}.first(static_cast<std::size_t>(size));
    if (size < 0 && errno == EAGAIN) return {};
    if (from.what == connection::kind::conn) give_up("the middle proxy hung up");
    close(static_cast<client&>(from), true);
    return {};
  }

  void touch(connection& which) {
    if (std::exchange(which.dirty, true)) return;
    dirty_.push_back(&which);
  }

  void flush(connection& which) {
    which.dirty = false;
    if (!which.fd) return;
    if (which.what == connection::kind::conn) {
      if (!which.send(static_cast<conn&>(which).writer.take())) give_up("the conn broke");
      hold_clients();
    } else {
      auto& who = static_cast<client&>(which);
      if (!who.send(who.writer ? who.writer->take() : bytes{}) || who.queued > max_client_queue)
        return close(who, true);
    }
    set_interest(which);
  }

  /// Stops reading from clients while a conn is too full, and goes on afterwards.
  void hold_clients() {
    const bool full =
        std::ranges::any_of(conns_, [](const auto& one) { return one->queued > max_conn_queue; });
    if (std::exchange(holding_, full) == full) return;
    for (const auto& one : clients_)
      if (one != nullptr) set_interest(*one);
  }

  void set_interest(connection& which) {
    const auto in = which.what == connection::kind::client && holding_ ? 0U : EPOLLIN;
    const auto wanted = in | (which.queue.empty() ? 0U : EPOLLOUT);
    if (wanted == which.interest) return;
    which.interest = wanted;
    watch(which, EPOLL_CTL_MOD);
  }

  void watch(connection& which, int how) {
    epoll_event event{};
    event.events = which.interest;
    event.data.ptr = &which;
    epoll_ctl(epoll_.get(), how, which.fd.get(), &event);
  }

  const settings& settings_;
  bytes buffer_;
  bytes head_;
  net::unique_fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  std::vector<std::unique_ptr<conn>> conns_;
  std::unique_ptr<connection> listener_;
  std::vector<std::unique_ptr<client>> clients_;
  std::vector<std::size_t> free_;
  std::uint64_t accepted_ = 0;
  bool holding_ = false;
  std::vector<connection*> dirty_;
  std::vector<std::unique_ptr<client>> gone_;
};

}  // namespace

int main(int argc, char** argv) {
  settings how;
  std::string secret;
  std::string proxy_secret;
  std::string middle_proxy;
  unsigned threads = std::thread::hardware_concurrency();
  CLI::App app{"A proxy that does nothing but move bytes, to compare the real one with"};
  app.add_option("--port", how.port)->required();
  app.add_option("--secret", secret, "Of clients: 32 hexadecimal digits")->required();
  app.add_option("--proxy-secret", proxy_secret, "Of middle proxies, hexadecimal")->required();
  app.add_option("--middle-proxy", middle_proxy, "ip:port")->required();
  app.add_option("--threads", threads)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const auto key = from_hex(secret);
  const auto telegram = from_hex(proxy_secret);
  const auto at = parse_endpoint(middle_proxy);
  if (!key || key->size() != how.secret.size() || !telegram || !at) give_up("broken arguments");
  std::ranges::copy(*key, how.secret.begin());
  how.proxy_secret = *telegram;
  how.middle_proxy = *at;
  net::raise_open_files_limit();
  mallopt(M_MMAP_THRESHOLD, kept_memory);
  mallopt(M_TRIM_THRESHOLD, kept_memory);
  mallopt(M_TOP_PAD, kept_memory / 16);
  std::vector<std::unique_ptr<worker>> workers;
  for (unsigned i = 0; i < threads; ++i)
    workers.push_back(std::make_unique<worker>(how));
  std::printf("ready\n");
  static_cast<void>(std::fflush(stdout));
  std::vector<std::jthread> running;
  for (const auto& one : workers)
    running.emplace_back([&one] { one->run(); });
}
