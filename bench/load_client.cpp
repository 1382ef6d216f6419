#include "bench/load_client.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <stdexcept>
#include <system_error>

#include "bench/short_hello.hpp"
#include "codecs/client/tls_server_hello.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unix_time.hpp"
#include "tests/support/fake_command.hpp"
#include "tests/support/tagged_packet.hpp"

namespace mtp::bench {

namespace {

/// Where Telegram's own clients cut their records.
constexpr std::size_t client_record = 2878;
/// No shorter than Telegram's encrypted messages are: the C proxy passes on nothing below 56 bytes.
constexpr std::size_t part_request = 64;
constexpr std::size_t read_size = std::size_t{512} * 1024;
/// Addresses of 127/8 that clients come from: enough ports for any number of them.
constexpr std::uint32_t source_addresses = 16;

constexpr std::array<std::uint8_t, 6> change_cipher_spec{tls_change_cipher_spec, 3, 3, 0, 1, 1};

[[noreturn]] void fail_with(const std::string& action, int error) {
  throw std::runtime_error{action + ": " + std::generic_category().message(error)};
}

obfuscated2_client make_header(const load_target& target) {
  while (true) {
    const auto random = net::random_array<obfuscated2_header_size>();
    if (!is_plain_start(random))
      return make_obfuscated2(random, target.secret.key, framing::padded, target.dc);
  }
}

void bind_to_source(int fd, std::uint32_t id) {
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const auto last = static_cast<std::uint8_t>(1 + id % source_addresses);
  const auto from = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, last}), .port = 0});
  if (::bind(fd, from.get(), from.size) != 0) fail_with("bind", errno);
}

/// All clients share them: they live in one thread.
byte_span read_buffer() {
  static bytes buffer(read_size);
  return buffer;
}

bytes& packet_buffer() {
  static bytes buffer;
  buffer.clear();
  return buffer;
}

}  // namespace

load_client::load_client(load_client_owner& owner, int epoll, const load_target& target,
                         std::uint32_t id)
    : owner_{&owner}, epoll_{epoll}, target_{&target}, id_{id} {
  const auto& at = target.proxy;
  const int family = at.ip.is_v4() ? AF_INET : AF_INET6;
  fd_ = net::unique_fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd_) fail_with("socket", errno);
  net::set_no_delay(fd_.get());
  if (at.ip.is_v4() && at.ip.is_loopback()) bind_to_source(fd_.get(), id);
  const auto address = net::to_socket_address(at);
  if (::connect(fd_.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)
    fail_with("connect", errno);
  watch(EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

void load_client::watch(std::uint32_t events, int how) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = this;
  if (epoll_ctl(epoll_, how, fd_.get(), &event) != 0) fail_with("epoll_ctl", errno);
}

void load_client::close() {
  fd_ = {};
}

void load_client::handle(std::uint32_t events) {
  if (stage_ == stage::connecting) {
    if (const int error = net::take_error(fd_.get()); error != 0) fail_with("connect", error);
    start_handshake();
  } else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    read();
  }
  if (is_open() && (events & EPOLLOUT) != 0) write();
}

// -- handshake ------------------------------------------------------------------------------------

void load_client::start_handshake() {
  if (target_->secret.kind != secret_kind::fake_tls) return send_header();
  const auto random = net::random_array<client_hello_random_size>();
  const auto& secret = target_->secret;
  unsent_ = target_->short_hello
                ? make_short_hello(secret.key, secret.domain,
                                   static_cast<std::uint32_t>(net::unix_time()),
                                   std::span{random}.first<short_hello_random_size>())
                : make_client_hello(secret.key, secret.domain,
                                    static_cast<std::uint32_t>(net::unix_time()), random);
  hello_random_ = to_bytes(byte_view{unsent_}.subspan(client_random_at, client_random_size));
  stage_ = stage::hello;
  write();
}

void load_client::read_hello(byte_view data) {
  append(flight_, data);
  const auto flight = check_server_flight(flight_, hello_random_, target_->secret.key);
  if (!flight) throw std::runtime_error{"bad hello: " + std::string{to_string(flight.error())}};
  if (!*flight) return;
  if (**flight != flight_.size()) throw std::runtime_error{"the proxy spoke before its client"};
  bytes{}.swap(flight_);
  bytes{}.swap(hello_random_);
  send_header();
}

/// The header waits for the first packet, as with real clients.
void load_client::send_header() {
  auto header = make_header(*target_);
  const bool tls = target_->secret.kind == secret_kind::fake_tls;
  if (tls) {
    append(unsent_, change_cipher_spec);
    append_tls_records(header.header, client_record, unsent_);
    records_.emplace();
  } else {
    append(unsent_, header.header);
  }
  from_server_.emplace(std::move(header.from_server));
  writer_.emplace(std::move(header.to_server), tls ? envelope::tls : envelope::none);
  writer_->size_records(record_sizes{client_record});
  stage_ = stage::ready;
  owner_->on_ready(*this);
}

// -- requests -------------------------------------------------------------------------------------

void load_client::ask(byte_view packet, expected_answer answer) {
  expected_.push_back(answer);
  ++next_number_;
  std::array<std::uint8_t, max_padding> tail;
  tail.fill(static_cast<std::uint8_t>(answer.number));
  const auto tail_size = answer.number % (max_padding + 1);
  encode_frame(framing::padded, packet, byte_view{tail}.first(tail_size), writer_->plain());
}

void load_client::ask_echo(std::size_t size, load_clock::time_point asked) {
  const auto number = std::uint64_t{id_} << 32 | next_number_;
  auto& packet = packet_buffer();
  append(packet, test::packet_tag(number));
  append(packet, test::packet_body(number, size - test::packet_tag_size));
  ask(packet, {.number = number, .size = size, .asked = asked});
}

void load_client::ask_part(std::size_t size, load_clock::time_point asked) {
  const auto number = std::uint64_t{id_} << 32 | next_number_;
  auto request = encode(test::fake_command{.action = test::fake_command::code::part,
                                           .size = static_cast<std::uint32_t>(size),
                                           .number = number});
  request.resize(part_request);
  ask(request, {.number = number, .size = size, .asked = asked});
}

void load_client::ask_upload(std::size_t size, load_clock::time_point asked) {
  const auto number = std::uint64_t{id_} << 32 | next_number_;
  const auto body_size = size - test::fake_command_size;
  auto& packet = packet_buffer();
  append(packet, encode(test::fake_command{.action = test::fake_command::code::upload,
                                           .size = static_cast<std::uint32_t>(body_size),
                                           .number = number}));
  append(packet, test::packet_body(number, body_size));
  ask(packet, {.number = number, .size = test::packet_tag_size, .asked = asked});
}

// -- bytes ----------------------------------------------------------------------------------------

void load_client::flush() {
  if (unsent_.empty())
    unsent_ = writer_->take();
  else
    append(unsent_, writer_->take());
  write();
}

void load_client::write() {
  while (sent_ < unsent_.size()) {
    const auto size =
        ::send(fd_.get(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) fail_with("send", errno);
    if (size < 0) break;
    sent_ += static_cast<std::size_t>(size);
  }
  const bool waits = sent_ < unsent_.size();
  if (!waits) {
    bytes{}.swap(unsent_);
    sent_ = 0;
  }
  if (waits == watching_output_) return;
  watching_output_ = waits;
  watch(waits ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

void load_client::read() {
  const auto buffer = read_buffer();
  const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size < 0) fail_with("the proxy ended a connection", errno);
  if (size == 0) throw std::runtime_error{"the proxy closed a connection"};
  const auto data = buffer.first(static_cast<std::size_t>(size));
  if (stage_ == stage::hello)
    read_hello(data);
  else
    read_answers(data);
}

void load_client::read_answers(byte_span data) {
  auto plain = data;
  if (records_) {
    const auto payload = records_->feed(data);
    if (!payload) throw std::runtime_error{std::string{to_string(payload.error())}};
    plain = *payload;
  }
  from_server_->apply(plain);
  byte_view rest = plain;
  while (!rest.empty() && is_open()) {
    rest = rest.subspan(reader_.feed(rest, expected_.empty() ? nullptr : &expected_.front()));
    if (!reader_.complete()) continue;
    const auto answered = expected_.front();
    expected_.pop_front();
    owner_->on_answer(*this, answered);
  }
}

}  // namespace mtp::bench
