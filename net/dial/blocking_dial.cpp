#include "net/dial/blocking_dial.hpp"

#include <algorithm>
#include <optional>

#include "codecs/base/text.hpp"
#include "net/dial/dialing.hpp"
#include "net/dial/limit_text.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

using std::chrono::milliseconds;

class private_loop final : public event_loop {
 public:
  private_loop() : event_loop{&steady_clock::now} {}

  void turn(milliseconds max_wait) {
    wait(idle_time(max_wait));
    dispatch();
    flush_dirty();
    while (end_iteration()) {
    }
  }
};

}  // namespace

tl::expected<blocking_socket, std::string> dial_blocking(
    const std::string& host, std::uint16_t port, blocking_socket::clock::time_point deadline) {
  const auto left = [deadline] {
    return std::max(std::chrono::ceil<milliseconds>(deadline - blocking_socket::clock::now()),
                    milliseconds{0});
  };
  private_loop loop;
  const auto whole = left();
  resolver names{loop, {.query = {.limit = whole}}};
  std::optional<dial_result> result;
  const dialing way{names, {.host = host, .port = port}, {.connect = whole}, [&](dial_result done) {
                      result = std::move(done);
                    }};
  while (!result && left() > milliseconds{0})
    loop.turn(left());
  if (!result) return tl::unexpected{printable(host) + ": no answer within " + limit_text(whole)};
  if (!*result) return tl::unexpected{std::move(result->error().text)};
  set_no_delay((*result)->fd.get());
  return blocking_socket{std::move((*result)->fd)};
}

}  // namespace mtp::net
