// Two builds whose link versions differ: neither works with the other, and both say why.
#include <caf/all.hpp>

#include "tests/e2e/rogue_node.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t other_version = 77;
const link_offer other_offer{.highest = other_version, .lowest = other_version};
const std::string ours = describe_versions(link_offer{}) + " (build " MTP_VERSION ")";

TEST_CASE("split: a front of another version is refused, and both ends name both builds") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options how;
  how.allowed = {"front", "rogue"};
  nodes.add_back("back", how);
  nodes.add_front();
  nodes.start_all();
  auto client = nodes.front().client();
  check_echo(client);

  rogue_front rogue{nodes.back(), nodes.authority().issue("rogue", {.name = "rogue"})};
  auto hello = rogue.make_hello();
  hello.offer = other_offer;
  hello.build = "9.9";
  const auto answer = rogue.say_hello(hello);
  REQUIRE(answer);
  CHECK(answer->what == link_answer::kind::refused);
  const auto why = "link versions differ: the front's is 77 (build 9.9), the back's " + ours +
                   "; use the same build on both";
  CHECK(answer->reason == why);
  CHECK(rogue.partner == nullptr);
  const bool told = nodes.back().wait_for_output("front rogue is refused: " + why);
  INFO(nodes.back().output());
  CHECK(told);
  CHECK(nodes.back().count_in_output("link versions differ") == 1);
  check_echo(client);
}

TEST_CASE("split: a back of another version gets no session, whatever it answers") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  link_answer said{.offer = other_offer, .build = "9.9", .name = "back"};
  SUBCASE("it refuses") {
    said.reason = "in words of its own";
  }
  SUBCASE("it asks for the cookie") {
    said.what = link_answer::kind::challenge;
  }
  SUBCASE("it welcomes us") {
    said.what = link_answer::kind::welcome;
  }
  rogue_back back{[&](const link_hello&) { return said; }};
  front_options how;
  how.transport = "plain";
  how.link = "cluster_cookie = \"0123456789abcdef\"";
  how.backs = {back.address()};
  auto& front = nodes.add_front("front", how);
  front.start();
  REQUIRE(eventually([&] { return back.accept(); }, patience));
  const bool told =
      front.wait_for_output("back " + back.address() + ": link versions differ: ours is " + ours +
                            ", the back's 77 (build 9.9); use the same build on "
                            "both; trying again");
  INFO(front.output());
  CHECK(told);
  CHECK(front.count_in_output(": connected (build") == 0);
  CHECK(front.count_in_output("link versions differ") == 1);
}

}  // namespace
}  // namespace mtp::test
