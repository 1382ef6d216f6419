#include "actors/http_fetcher.hpp"

#include <caf/all.hpp>

namespace mtp::actors {

caf::behavior http_fetcher(caf::event_based_actor*, environment& env) {
  return {
      [&env](const http_fetch& fetch) {
        return http_answer{net::http_get(fetch.request, env.stopping)};
      },
  };
}

}  // namespace mtp::actors
