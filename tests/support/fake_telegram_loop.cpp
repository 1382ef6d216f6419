#include "tests/support/fake_telegram_loop.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>

#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::test {

namespace {

net::unique_fd listen_on(const endpoint& at) {
  const int family = at.ip.is_v4() ? AF_INET : AF_INET6;
  net::unique_fd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto address = net::to_socket_address(at);
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), 4096) != 0)
    throw std::runtime_error{"fake Telegram can't listen on " + to_string(at)};
  return fd;
}

/// Now, and `ahead` seconds, as HTTP writes it (RFC 9110, 5.6.7).
std::string http_date(std::int32_t ahead) {
  const std::time_t time = std::time(nullptr) + ahead;
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

}  // namespace

fake_telegram::loop::loop(fake_telegram_options& opts) : options{&opts}, buffer_(1 << 19) {
  watch(wake_.get(), EPOLLIN, EPOLL_CTL_ADD);
  const auto loopback4 = ip_address::v4({127, 0, 0, 1});
  const auto loopback6 = *ip_address::parse("::1");
  config_listener_ = listen_on({.ip = loopback4, .port = 0});
  config_at = net::local_endpoint(config_listener_.get());
  watch(config_listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
  for (const auto dc : opts.dcs) {
    auto& proxy = proxies[dc];
    proxy.dc = dc;
    proxy.listener = listen_on({.ip = opts.ipv6 ? loopback6 : loopback4, .port = 0});
    proxy.at = net::local_endpoint(proxy.listener.get());
    watch(proxy.listener.get(), EPOLLIN, EPOLL_CTL_ADD);
  }
}

void fake_telegram::loop::watch(int fd, std::uint32_t events, int how) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), how, fd, &event);
}

void fake_telegram::loop::post(std::function<void()> action) {
  {
    const std::lock_guard lock{mutex_};
    posted_.push_back(std::move(action));
  }
  const std::uint64_t increment = 1;
  static_cast<void>(!::write(wake_.get(), &increment, sizeof increment));
}

void fake_telegram::loop::stop() {
  post([this] { stopping_ = true; });
}

void fake_telegram::loop::run_posted() {
  std::uint64_t ignored = 0;
  static_cast<void>(!::read(wake_.get(), &ignored, sizeof ignored));
  std::vector<std::function<void()>> now;
  {
    const std::lock_guard lock{mutex_};
    now.swap(posted_);
  }
  for (const auto& action : now)
    action();
}

void fake_telegram::loop::run() {
  while (!stopping_) {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      handle_event(event.data.fd, event.events);
    }
  }
}

void fake_telegram::loop::handle_event(int fd, std::uint32_t events) {
  if (const auto known = connections.find(fd); known != connections.end()) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) handle_readable(*known->second);
    if ((events & EPOLLOUT) == 0) return;
    // Reading may have been the end of it.
    const auto still = connections.find(fd);
    if (still != connections.end()) flush(*still->second);
    return;
  }
  if (fd == wake_.get()) return run_posted();
  if (fd == config_listener_.get()) return accept_on(fd, nullptr);
  const auto listener = std::ranges::find_if(
      proxies, [&](const auto& item) { return item.second.listener.get() == fd; });
  if (listener != proxies.end()) accept_on(fd, &listener->second);
}

void fake_telegram::loop::accept_on(int listener, middle_proxy* of) {
  net::unique_fd fd{::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (!fd) return;
  net::set_no_delay(fd.get());
  auto created = std::make_unique<connection>();
  created->of = of;
  if (of != nullptr) ++of->accepted;
  watch(fd.get(), EPOLLIN, EPOLL_CTL_ADD);
  created->fd = std::move(fd);
  auto& placed = *created;
  connections.emplace(placed.fd.get(), std::move(created));
  if (of != nullptr && of->silent) {
    placed.stopped_reading = true;
    set_interest(placed);
  }
}

void fake_telegram::loop::set_interest(connection& conn) {
  const std::uint32_t in = conn.stopped_reading ? 0U : EPOLLIN;
  const std::uint32_t writable = conn.queue.empty() ? 0U : EPOLLOUT;
  if (conn.interest == (in | writable)) return;
  conn.interest = in | writable;
  watch(conn.fd.get(), conn.interest, EPOLL_CTL_MOD);
}

void fake_telegram::loop::close(connection& conn) {
  connections.erase(conn.fd.get());
}

void fake_telegram::loop::flush(connection& conn) {
  if (conn.writer.pending() > 0) {
    conn.queue.push_back(conn.writer.take());
    conn.queued += conn.queue.back().size();
  }
  while (!conn.queue.empty()) {
    const auto rest = byte_view{conn.queue.front()}.subspan(conn.first_sent);
    const auto size = ::send(conn.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (size <= 0) break;
    conn.first_sent += static_cast<std::size_t>(size);
    conn.queued -= static_cast<std::size_t>(size);
    if (conn.first_sent < conn.queue.front().size()) break;
    conn.queue.pop_front();
    conn.first_sent = 0;
  }
  if (conn.queue.empty() && conn.close_after_write) return close(conn);
  set_interest(conn);
}

void fake_telegram::loop::handle_readable(connection& conn) {
  const auto size = ::recv(conn.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return close(conn);
  const auto data = byte_span{buffer_}.first(static_cast<std::size_t>(size));
  if (conn.of == nullptr) {
    conn.http += as_text(data);
    return handle_http(conn);
  }
  conn.reader.feed(data);
  while (true) {
    const auto frame = conn.reader.next();
    if (!frame) {
      complain(conn, "bad frame: " + std::string{to_string(frame.error())});
      return close(conn);
    }
    if (!*frame) break;
    if (!handle_frame(conn, **frame)) return close(conn);
  }
  conn.reader.close();
  flush(conn);
}

bool fake_telegram::loop::complain(const connection& conn, std::string text) {
  complaints.push_back("dc " + std::to_string(conn.of->dc) + ": " + std::move(text));
  return false;
}

std::string fake_telegram::loop::list_text(bool v6) const {
  dc_list list{.default_dc = options->default_dc, .endpoints = {}};
  for (const auto& [dc, at] : options->others)
    if (at.ip.is_v4() != v6) list.endpoints[dc].push_back(at);
  for (const auto& [dc, proxy] : proxies)
    if (proxy.listed && proxy.at.ip.is_v4() != v6) list.endpoints[dc].push_back(proxy.at);
  return "# the stand-in for Telegram\n" + format_dc_list(list);
}

void fake_telegram::loop::handle_http(connection& conn) {
  if (conn.http.find("\r\n\r\n") == std::string::npos) return;
  ++config_requests;
  if (config == config_answer::none) return;
  std::string body;
  std::string status = "200 OK";
  const auto is_for = [&](std::string_view path) {
    return conn.http.starts_with("GET " + std::string{path} + " ");
  };
  if (config == config_answer::unavailable)
    status = "503 Service Unavailable";
  else if (config == config_answer::nonsense)
    body = "<html><body>Please log in.</body></html>";
  else if (is_for("/getProxySecret"))
    body = as_text(served_secret.empty() ? options->secret : served_secret);
  else if (is_for("/getProxyConfig"))
    body = list_text(false);
  else if (is_for("/getProxyConfigV6"))
    body = list_text(true);
  else if (is_for("/ip"))
    body = "127.0.0.1\n";
  else
    status = "404 Not Found";
  auto text = "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\nConnection: close\r\n";
  // Simple services of addresses do not tell the time.
  if (!is_for("/ip")) text += "Date: " + http_date(options->config_clock_skew) + "\r\n";
  text += "\r\n" + body;
  conn.queue.push_back(to_bytes(as_bytes(text)));
  conn.queued += text.size();
  conn.close_after_write = true;
  flush(conn);
}

void fake_telegram::loop::set_dead(middle_proxy& proxy, bool dead) {
  if (!dead) {
    proxy.listener = listen_on(proxy.at);
    proxy.at = net::local_endpoint(proxy.listener.get());
    watch(proxy.listener.get(), EPOLLIN, EPOLL_CTL_ADD);
    return;
  }
  proxy.listener = {};
  std::erase_if(connections, [&](const auto& item) { return item.second->of == &proxy; });
}

}  // namespace mtp::test
