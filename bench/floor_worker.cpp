#include "bench/floor_worker.hpp"

#include <netinet/in.h>

#include <algorithm>

#include "codecs/base/overloaded.hpp"
#include "codecs/client/cover_profile.hpp"
#include "codecs/telegram/rpc_handshake.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::bench {
namespace {

constexpr std::size_t conns_per_thread = 2;
constexpr std::size_t read_size = std::size_t{512} * 1024;
constexpr std::size_t max_client_queue = std::size_t{64} * 1024 * 1024;
constexpr std::size_t max_conn_queue = std::size_t{1024} * 1024;
/// Stands for certificates in the answer to a hello.
constexpr std::size_t encrypted_flight = 3500;

}  // namespace

floor_worker::floor_worker(const floor_settings& how) : settings_{how}, buffer_(read_size) {
  for (std::size_t i = 0; i < conns_per_thread; ++i)
    open_link();
  listen();
}

void floor_worker::run() {
  while (true) {
    std::array<epoll_event, 512> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
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

// -- the middle proxy ---------------------------------------------------------------------------

void floor_worker::open_link() {
  const auto address = net::to_socket_address(settings_.middle_proxy);
  net::unique_fd fd{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (::connect(fd.get(), address.get(), address.size) != 0) give_up("no middle proxy");
  net::set_no_delay(fd.get());
  auto& added = *conns_.emplace_back(std::make_unique<conn>(std::move(fd)));
  added.self = net::local_endpoint(added.fd.get());
  rpc::proxy_handshake handshake{settings_.proxy_secret,
                                 net::random_array<16>(),
                                 static_cast<std::uint32_t>(net::unix_time()),
                                 {1, 2, 3, 4}};
  added.writer.write(handshake.nonce());
  added.send(added.writer.take());
  const auto keys = handshake.on_nonce(await_frame(added), settings_.middle_proxy, added.self,
                                       static_cast<std::uint32_t>(net::unix_time()));
  if (!keys) give_up("the middle proxy's nonce");
  added.writer.encrypt_with(keys->to_dc);
  added.reader.decrypt_with(keys->from_dc);
  added.writer.write(handshake.handshake());
  added.send(added.writer.take());
  const auto checksum = handshake.on_handshake(await_frame(added));
  if (!checksum) give_up("the middle proxy's handshake");
  added.writer.use(*checksum);
  added.reader.use(*checksum);
  added.reader.close();
  watch(added, EPOLL_CTL_ADD);
}

bytes floor_worker::await_frame(conn& from) {
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

void floor_worker::read_link(conn& from) {
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

void floor_worker::deliver(const rpc::proxy_ans& answer) {
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

void floor_worker::listen() {
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

void floor_worker::accept_all() {
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
    auto& added = *(clients_[place] = std::make_unique<client>(std::move(fd)));
    added.id = static_cast<rpc::conn_id>(++accepted_ << 32 | place);
    added.to = conns_[accepted_ % conns_.size()].get();
    added.info = {.client = net::to_endpoint(from), .proxy = added.to->self};
    added.handshake = std::make_unique<client_handshake>(
        client_handshake::options{.secret = settings_.secret, .per_sni_salt = {}});
    watch(added, EPOLL_CTL_ADD);
  }
}

void floor_worker::read_client(client& from) {
  const auto data = read(from);
  if (data.empty()) return;
  if (from.handshake) return shake_hands(from, data);
  if (!from.reader->feed(data)) return close(from, true);
  forward(from);
}

void floor_worker::shake_hands(client& from, byte_view data) {
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

void floor_worker::answer_hello(client& to, const client_hello& hello) {
  auto plan = plan_server_flight({}, hello, 0);
  plan.encrypted_size = encrypted_flight;
  bytes encrypted(plan.encrypted_size);
  net::fill_random(encrypted);
  server_flight_random random{
      .x25519_key = net::random_x25519_share(), .mlkem_ciphertext = {}, .encrypted = encrypted};
  if (hello.x25519_mlkem768) net::fill_random(random.mlkem_ciphertext);
  if (!to.send(to.handshake->answer(plan, random))) close(to, false);
}

void floor_worker::forward(client& from) {
  while (true) {
    const auto frame = decode_frame(from.info.kind, from.reader->view());
    if (!frame) return close(from, true);
    if (!*frame) break;
    head_.clear();
    rpc::encode_proxy_req_header(from.info, from.id, (*frame)->quick_ack, (*frame)->packet, head_);
    from.to->writer.write(head_, (*frame)->packet);
    touch(*from.to);
    from.reader->consume((*frame)->consumed);
  }
  from.reader->close();
}

client* floor_worker::find(rpc::conn_id id) {
  const auto place = static_cast<std::size_t>(id & 0xffff'ffff);
  if (place >= clients_.size() || clients_[place] == nullptr || clients_[place]->id != id)
    return nullptr;
  return clients_[place].get();
}

void floor_worker::close(client& leaver, bool tell) {
  if (tell && !leaver.handshake) {
    head_.clear();
    rpc::encode_close_conn(leaver.id, head_);
    leaver.to->writer.write(head_);
    touch(*leaver.to);
  }
  leaver.fd = {};
  const auto place = static_cast<std::size_t>(leaver.id & 0xffff'ffff);
  gone_.push_back(std::move(clients_[place]));
  free_.push_back(place);
}

// -- sockets ------------------------------------------------------------------------------------

void floor_worker::handle(connection& peer, std::uint32_t events) {
  if (peer.type == connection::kind::listener) return accept_all();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && peer.fd) {
    if (peer.type == connection::kind::conn)
      read_link(static_cast<conn&>(peer));
    else
      read_client(static_cast<client&>(peer));
  }
  if ((events & EPOLLOUT) != 0 && peer.fd) touch(peer);
}

byte_span floor_worker::read(connection& from) {
  const auto size = ::recv(from.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (size > 0) return byte_span{buffer_}.first(static_cast<std::size_t>(size));
  if (size < 0 && errno == EAGAIN) return {};
  if (from.type == connection::kind::conn) give_up("the middle proxy hung up");
  close(static_cast<client&>(from), true);
  return {};
}

void floor_worker::touch(connection& peer) {
  if (std::exchange(peer.dirty, true)) return;
  dirty_.push_back(&peer);
}

void floor_worker::flush(connection& peer) {
  peer.dirty = false;
  if (!peer.fd) return;
  if (peer.type == connection::kind::conn) {
    if (!peer.send(static_cast<conn&>(peer).writer.take())) give_up("the conn broke");
    hold_clients();
  } else {
    auto& served = static_cast<client&>(peer);
    if (!served.send(served.writer ? served.writer->take() : bytes{}) ||
        served.queued > max_client_queue)
      return close(served, true);
  }
  set_interest(peer);
}

void floor_worker::hold_clients() {
  const bool full =
      std::ranges::any_of(conns_, [](const auto& conn) { return conn->queued > max_conn_queue; });
  if (std::exchange(holding_, full) == full) return;
  for (const auto& client : clients_)
    if (client != nullptr) set_interest(*client);
}

void floor_worker::set_interest(connection& peer) {
  const auto in = peer.type == connection::kind::client && holding_ ? 0U : EPOLLIN;
  const auto wanted = in | (peer.queue.empty() ? 0U : EPOLLOUT);
  if (wanted == peer.interest) return;
  peer.interest = wanted;
  watch(peer, EPOLL_CTL_MOD);
}

void floor_worker::watch(connection& peer, int how) {
  epoll_event event{};
  event.events = peer.interest;
  event.data.ptr = &peer;
  epoll_ctl(epoll_.get(), how, peer.fd.get(), &event);
}

}  // namespace mtp::bench
