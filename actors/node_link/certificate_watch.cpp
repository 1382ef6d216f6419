#include "actors/node_link/certificate_watch.hpp"

#include <fmt/chrono.h>
#include <spdlog/spdlog.h>

#include <caf/all.hpp>

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto read_interval = 1min;
constexpr auto near_expiry = std::chrono::days{14};

/// Message to itself.
struct read_due {};

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::read_due)

namespace mtp::actors {

void certificate_watch_state::read() {
  const auto fresh = side->credentials->reload();
  const auto why = fresh ? std::string{} : fresh.error();
  if (!why.empty() && why != trouble) spdlog::warn("{}; what was there before is still used", why);
  trouble = why;
  tell_of_change();
  warn_of_expiry();
}

void certificate_watch_state::tell_of_change() {
  auto used = side->credentials->current();
  const auto before = std::exchange(known, used);
  if (before == nullptr || (before->name() == used->name() && before->expires() == used->expires()))
    return;
  spdlog::info(R"(a new certificate of this node is used: "{}", until {:%Y-%m-%d})", used->name(),
               fmt::gmtime(std::chrono::system_clock::to_time_t(used->expires())));
  if (before->name() != used->name())
    spdlog::warn(R"(it says "{}", where the one before said "{}": other nodes may refuse it)",
                 used->name(), before->name());
  expiry_log.reset();
}

void certificate_watch_state::warn_of_expiry() {
  const auto used = side->credentials->current();
  const auto left = used->expires() - std::chrono::system_clock::now();
  if (left > near_expiry || !expiry_log.admit(self->clock().now())) return;
  spdlog::warn("the certificate of this node, \"{}\", expires in {} hours", used->name(),
               std::chrono::duration_cast<std::chrono::hours>(left).count());
}

caf::behavior certificate_watch(caf::stateful_actor<certificate_watch_state>* self,
                                node_link_side& side) {
  auto& state = self->state;
  state.side = &side;
  self->send(self, read_due{});
  return {
      [self, &state](read_due) {
        state.read();
        self->delayed_send(self, read_interval, read_due{});
      },
      [&state](read_certificates) { state.read(); },
  };
}

}  // namespace mtp::actors
