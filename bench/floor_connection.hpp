// What a worker of the floor (floor.cpp) has to do with: sockets, and what it was told to do.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "codecs/client/client_handshake.hpp"
#include "codecs/telegram/rpc.hpp"
#include "codecs/telegram/rpc_stream.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::bench {

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "floor: %s\n", why.c_str());
  std::_Exit(1);
}

/// A socket and what it did not take yet.
struct connection {
  enum class kind : std::uint8_t { listener, conn, client };

  connection(kind k, net::unique_fd f) : type{k}, fd{std::move(f)} {}

  /// Sends what waits and `more`, in one call as long as the kernel takes it. False if broken.
  bool send(bytes more) {
    if (!more.empty()) {
      queued += more.size();
      queue.push_back(std::move(more));
    }
    while (!queue.empty()) {
      std::array<iovec, 16> parts;
      std::size_t count = 0;
      for (auto& piece : queue) {
        if (count == parts.size()) break;
        const auto from = count == 0 ? first_sent : 0;
        parts[count++] = {.iov_base = piece.data() + from, .iov_len = piece.size() - from};
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

  kind type;
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
  /// Number in the high half, place in `floor_worker::clients_` in the low one.
  rpc::conn_id id = 0;
  conn* to = nullptr;
  rpc::client_info info;
  std::unique_ptr<client_handshake> handshake;
  std::optional<obfuscated_reader> reader;
  std::optional<obfuscated_writer> writer;
};

struct floor_settings {
  std::uint16_t port = 0;
  secret16 secret{};
  bytes proxy_secret;
  endpoint middle_proxy;
};

}  // namespace mtp::bench
