// One question to the name servers, asked by c-ares on a loop: no thread, nothing blocks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/dial/name_answer.hpp"
#include "net/loop/event_loop.hpp"

struct ares_addrinfo;
struct ares_channeldata;

namespace mtp::net {

struct name_query_options {
  /// For the whole question. The addresses known by then are the answer, if there are any.
  std::chrono::milliseconds limit{5000};
  /// For the first try at a name server; twice as long for the next round of them.
  std::chrono::milliseconds try_limit{1000};
  int rounds = 2;
  /// Tests bring name servers of their own.
  std::string resolv_conf = "/etc/resolv.conf";
  std::uint16_t server_port = 53;
};

/// Reads resolv.conf and /etc/hosts each time, so that changes of them count at once. Of its loop's
/// thread; may be destroyed at any moment, also by its callback.
class name_query final : private io_source, private timer_owner {
 public:
  struct result {
    name_answer answer;
    /// How long it may be kept, by what the name servers say; 0 for what /etc/hosts says.
    std::chrono::seconds ttl{0};
  };
  using callback = std::function<void(result)>;

  /// `done` is called once, from the loop, never from within this call. `host` is no address.
  name_query(event_loop& home, const std::string& host, name_query_options options, callback done);
  name_query(const name_query&) = delete;
  name_query& operator=(const name_query&) = delete;
  name_query(name_query&&) = delete;
  name_query& operator=(name_query&&) = delete;
  ~name_query() override;

 private:
  struct watched;
  struct channel_closer {
    void operator()(ares_channeldata* channel) const noexcept;
  };

  void on_io(std::uint32_t) override {}
  void on_flush() override { finish(); }
  void on_timer(timer& due) override;

  [[nodiscard]] int open_channel();
  void ask(const std::string& host);
  /// Lets c-ares handle the given sockets (or none), and its time-outs.
  void process(int readable, int writable);
  void arm_next_try();
  void note_answer(int status, const ares_addrinfo* found);
  void note_socket(int fd, bool readable, bool writable);
  [[nodiscard]] lookup_failure explain(int status) const;
  void finish();

  event_loop* home_;
  name_query_options options_;
  callback done_;
  std::optional<result> result_;
  timer limit_;
  timer next_try_;
  bool too_late_ = false;
  std::vector<std::shared_ptr<watched>> sockets_;
  /// Last: closing it tells the sockets.
  std::unique_ptr<ares_channeldata, channel_closer> channel_;
};

}  // namespace mtp::net
