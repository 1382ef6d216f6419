#include "actors/uplink/middle/http_fetcher.hpp"

#include <caf/all.hpp>

#include "net/loop/unix_time.hpp"

namespace mtp::actors {

caf::behavior http_fetcher(caf::event_based_actor*, node_core& core) {
  return {
      [&core](const http_fetch& fetch) {
        auto got = net::http_get(fetch.request, core.stopping);
        if (!got) return http_answer{tl::unexpected{std::move(got.error())}};
        http_answer answer{std::move(got->body)};
        if (got->date) answer.clock_ahead = std::chrono::seconds{net::unix_time() - *got->date};
        return answer;
      },
  };
}

}  // namespace mtp::actors
