#include "actors/certificate_watch.hpp"

#include <spdlog/spdlog.h>

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto near_expiry = std::chrono::days{14};
constexpr auto warning_interval = 24h;

}  // namespace

void certificate_watch::read(const std::shared_ptr<net::tls_credentials>& credentials,
                             net::steady_clock::time_point now) {
  if (credentials == nullptr) return;
  const auto fresh = credentials->reload();
  const auto why = fresh ? std::string{} : fresh.error();
  if (!why.empty() && why != trouble_) spdlog::warn("{}; what was there before is still used", why);
  trouble_ = why;
  const auto left = credentials->current()->expires() - std::chrono::system_clock::now();
  if (left > near_expiry || now < quiet_until_) return;
  quiet_until_ = now + warning_interval;
  spdlog::warn("the certificate of this node, \"{}\", expires in {} hours",
               credentials->current()->name(),
               std::chrono::duration_cast<std::chrono::hours>(left).count());
}

}  // namespace mtp::actors
