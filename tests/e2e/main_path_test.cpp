// The main job: clients of every protocol reach every DC, and what they send comes back.
#include "codecs/req_pq.hpp"
#include "net/entropy.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

TEST_CASE("every protocol reaches every DC, media DCs and 203 included") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  for (const auto& protocol : all_protocols()) {
    for (const auto dc : fake_telegram_options{}.dcs) {
      CAPTURE(protocol.name);
      CAPTURE(dc);
      auto client = proxy.client(protocol, dc);
      const auto nonce = net::random_array<16>();
      REQUIRE(client.send(make_req_pq(nonce, 4), false, soon()));
      const auto answer = client.receive(soon());
      REQUIRE(answer);
      const auto echoed = parse_res_pq(answer->packet);
      REQUIRE(echoed);
      CHECK(*echoed == nonce);
      CHECK(telegram.requests().back().dc == dc);
    }
    CHECK(proxy.metric("protocol_ok_total{listener=\"test\",protocol=\"" + protocol.name + "\"}") ==
          12);
  }
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
