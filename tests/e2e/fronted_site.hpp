// A real site, and a proxy in front of it.
#pragma once

#include "tests/e2e/fronting_fixture.hpp"
#include "tests/support/real_site.hpp"

namespace mtp::test {

class fronted_site {
 public:
  explicit fronted_site(site_program program)
      : site_{program},
        proxy_{{.config = "domain_fronting = \"" + site_.where() +
                          "\"\nallowed_protocols = [\"mtp_fake_tls\"]\n"
                          "tls_domains = [\"example.com\"]\nmeasure_sites = false\n"
                          // Else probes that break off would take three seconds each.
                          "fronting_silence_ms = 200\n",
                .telegram = &telegram_}} {}

  [[nodiscard]] const real_site& site() const noexcept { return site_; }
  [[nodiscard]] const proxy_under_test& proxy() const noexcept { return proxy_; }
  /// A client's hello that has had its answer.
  [[nodiscard]] bytes used_hello() const {
    auto hello = hello_for(proxy_.secret());
    auto client = proxy_.connect();
    REQUIRE(client.send(hello, soon()));
    CHECK(receive(client, 3) == bytes{22, 3, 3});
    return hello;
  }

 private:
  fake_telegram telegram_{{.dcs = {2}}};
  real_site site_;
  proxy_under_test proxy_;
};

}  // namespace mtp::test
