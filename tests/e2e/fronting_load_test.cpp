// Forwarded connections in thousands.
#include "tests/e2e/fronting_crowd.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

TEST_CASE("fronting: thousands at once, each with bytes of its own, and then none") {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  // This process has as many sockets as the proxy.
  if (net::raise_open_files_limit() < most_files)
    return skip("a limit of " + std::to_string(most_files) + " open files");
  const loaded_front front{
      "reactors = 2\nmax_connections = 10000\nmax_fronted = " + std::to_string(crowd) + "\n"};
  front.check_client();
  const auto before = front.descriptors();
  {
    auto visits = make_visits(front, crowd);
    CHECK(front.wait_for_fronted(crowd));
    CHECK(front.descriptors() >= before + 2 * crowd);
    front.check_client();
    exchange_messages(visits);
    front.check_client();
    // Of the busiest address all but one speak again. Others have been idle for longer than that
    // one.
    constexpr std::size_t idlest = 4;
    for (std::size_t i = 0; i < visits.size(); ++i) {
      if (address_of(i) != address_of(idlest) || i == idlest) continue;
      REQUIRE(visits[i].visitor.send(as_bytes("x"), soon()));
      REQUIRE(receive(*visits[i].at_site, 1) == of("x"));
    }
    std::vector<visit> one_more;
    one_more.push_back({connect_from(ip_address::v4({127, 3, 0, 1}), front.proxy.port())});
    REQUIRE(one_more[0].visitor.send(as_bytes(greeting(0)), soon()));
    accept_visits(front.site, one_more, 1);
    check_finished(visits[idlest].visitor);
    check_finished(*visits[idlest].at_site);
    CHECK(front.wait_for_fronted(crowd));
    visits.erase(visits.begin() + idlest);
    for (auto& each : visits) {
      REQUIRE(each.at_site->send(as_bytes("y"), soon()));
      REQUIRE(receive(each.visitor, 1) == of("y"));
    }
  }
  CHECK(front.wait_for_fronted(0));
  front.check_client();
  // Empty pipes are kept, up to 16 for each reactor.
  constexpr std::size_t pipes = 2 * 2 * 16;
  CHECK(eventually([&] { return front.descriptors() <= before + pipes; }, patience));
  MESSAGE("descriptors: ", before, ", then ", front.descriptors());
}

TEST_CASE("fronting: a flood of visitors crowds itself out, and nobody else") {
  // 300 for sockets, and a quarter of these for forwarded connections and their sites.
  constexpr std::size_t most = 37;
  constexpr std::size_t flood = crowd / 4;
  const loaded_front front{"reactors = 2\n", 600};
  auto client = front.proxy.client(tls_protocol());
  std::vector<net::blocking_socket> visitors;
  std::vector<net::blocking_socket> at_site;
  for (std::size_t i = 0; i < flood; ++i) {
    visitors.push_back(connect_from(ip_address::v4({127, 1, 0, 1}), front.proxy.port()));
    // It may have been evicted already.
    static_cast<void>(visitors.back().send(as_bytes(greeting(i)), soon()));
    while (front.site.is_asked(cover_site::clock::now()))
      at_site.push_back(front.site.accept(soon()));
    if (i % 100 != 0) continue;
    front.check_client();
    check_echo(client);
  }
  CHECK(eventually([&] { return sum_of(front.proxy.metrics(), "fronted_total{") == flood; },
                   patience));
  CHECK(front.wait_for_fronted(most));
  const auto all = front.proxy.metrics();
  CHECK(sum_of(all, "fronting_failed_total{") == 0);
  CHECK(sum_of(all, "accept_paused_total{") == 0);
  // No newcomer was closed for want of a place.
  CHECK(value_of(all, protocol_error("crowded_out")) == 0);
  check_echo(client);
}

}  // namespace
}  // namespace mtp::test
