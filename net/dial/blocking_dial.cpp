#include "net/dial/blocking_dial.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

#include "codecs/base/text.hpp"
#include "net/dial/limit_text.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

using std::chrono::milliseconds;

/// How often it is looked whether the caller has lost interest.
constexpr milliseconds cancel_interval{100};

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

namespace {

tl::expected<blocking_socket, std::string> dial(const dial_target& target,
                                                blocking_socket::clock::time_point deadline,
                                                const std::atomic<bool>* cancelled) {
  const auto left = [deadline] {
    return std::max(std::chrono::ceil<milliseconds>(deadline - blocking_socket::clock::now()),
                    milliseconds{0});
  };
  private_loop loop;
  const auto whole = left();
  resolver names{loop, {.query = {.limit = whole}}};
  std::optional<dial_result> result;
  const dialing way{
      names, target, {.connect = whole}, [&](dial_result done) { result = std::move(done); }};
  const auto is_cancelled = [cancelled] { return cancelled != nullptr && *cancelled; };
  while (!result && left() > milliseconds{0} && !is_cancelled())
    loop.turn(std::min(left(), cancel_interval));
  const auto& first = target.addresses;
  const auto where = first.empty() ? printable(target.host) : to_string(first.front());
  if (!result) return tl::unexpected{where + ": no answer within " + limit_text(whole)};
  if (!*result) return tl::unexpected{std::move(result->error().text)};
  set_no_delay((*result)->fd.get());
  return blocking_socket{std::move((*result)->fd)};
}

}  // namespace

tl::expected<blocking_socket, std::string> dial_blocking(
    const dial_target& target, blocking_socket::clock::time_point deadline,
    const std::atomic<bool>* cancelled) {
  try {
    return dial(target, deadline, cancelled);
  } catch (const std::system_error& no_loop) {
    // Out of descriptors.
    return tl::unexpected<std::string>{no_loop.what()};
  }
}

}  // namespace mtp::net
