#include "codecs/node_link/link_hello.hpp"

#include <limits>

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::join;
using test::start_of;

const link_hello example_hello{.build = "0.2",
                               .name = "front1",
                               .node = 7,
                               .session = 5,
                               .clock = 0x6900'0000,
                               .has_cookie = true,
                               .nonce = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9,
                                         0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf},
                               .proof = {0xb0}};
const link_answer example_answer{.what = link_answer::kind::welcome,
                                 .build = "0.2",
                                 .reason = "",
                                 .name = "back",
                                 .node = 9,
                                 .clock = 1,
                                 .nonce = {0xc0},
                                 .proof = {0xd0}};

TEST_CASE("link hello: what a front says first") {
  const auto out = encode_link_hello(example_hello);
  bytes proof(32);
  proof[0] = 0xb0;
  CHECK(out == join({bytes{'M',  'T',  'L',  'K',                                 //
                           0x03, 0x00,                                            // version 3
                           0x03, '0',  '.',  '2',                                 // build
                           0x06, 'f',  'r',  'o',  'n',  't',  '1',               // name
                           0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,        // node
                           0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,        // session
                           0x00, 0x00, 0x00, 0x69, 0x00, 0x00, 0x00, 0x00,        // clock
                           0x01,                                                  // has a cookie
                           0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8,  // nonce
                           0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf},
                     proof}));
  CHECK(decode_link_hello(out) == example_hello);
}

TEST_CASE("link hello: what a back answers") {
  const auto out = encode_link_answer(example_answer);
  CHECK(std::ranges::equal(start_of(out, 17), bytes{'M', 'T', 'L', 'K',           //
                                                    0x03, 0x00,                   // version 3
                                                    0x00,                         // welcome
                                                    0x03, '0', '.', '2',          // build
                                                    0x00,                         // no reason
                                                    0x04, 'b', 'a', 'c', 'k'}));  // name
  CHECK(decode_link_answer(out) == example_answer);
  auto other = example_answer;
  other.what = link_answer::kind::challenge;
  CHECK(decode_link_answer(encode_link_answer(other)) == other);
  other.what = link_answer::kind::refused;
  other.reason = "the name is not allowed";
  CHECK(decode_link_answer(encode_link_answer(other)) == other);
}

TEST_CASE("link hello: clocks can be subtracted from each other") {
  for (const auto clock :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    auto hello = example_hello;
    hello.clock = clock;
    CHECK_FALSE(decode_link_hello(encode_link_hello(hello)));
    auto answer = example_answer;
    answer.clock = clock;
    CHECK_FALSE(decode_link_answer(encode_link_answer(answer)));
  }
}

TEST_CASE("link hello: two versions can tell each other which they are") {
  auto hello = encode_link_hello(example_hello);
  hello[4] = 4;
  hello.resize(4 + 2 + 4);  // whatever follows in that version
  const auto got = decode_link_hello(hello);
  REQUIRE(got);
  CHECK(got->version == 4);
  CHECK(got->build == "0.2");

  auto refusal = example_answer;
  refusal.what = link_answer::kind::refused;
  refusal.reason = "no";
  auto answer = encode_link_answer(refusal);
  answer[4] = 4;
  answer.push_back(0xff);
  const auto read = decode_link_answer(answer);
  REQUIRE(read);
  CHECK(read->version == 4);
  CHECK(read->what == link_answer::kind::refused);
  CHECK(read->build == "0.2");
  CHECK(read->reason == "no");
}

TEST_CASE("link hello: what is cut, too long, or not for people is refused") {
  const auto hello = encode_link_hello(example_hello);
  for (std::size_t size = 0; size < hello.size(); ++size)
    CHECK_FALSE(decode_link_hello(start_of(hello, size)));
  CHECK_FALSE(decode_link_hello(join({hello, bytes{0}})));
  auto bad = hello;
  bad[0] = 'X';
  CHECK_FALSE(decode_link_hello(bad));
  bad = hello;
  bad[7] = '\n';
  CHECK(decode_link_hello(bad).error() == errc::bad_link_hello);
  bad = hello;
  bad[bad.size() - 49] = 2;  // neither has it a cookie nor none
  CHECK_FALSE(decode_link_hello(bad));

  const auto answer = encode_link_answer(example_answer);
  for (std::size_t size = 0; size < answer.size(); ++size)
    CHECK_FALSE(decode_link_answer(start_of(answer, size)));
  bad = answer;
  bad[6] = 3;  // no such kind
  CHECK_FALSE(decode_link_answer(bad));

  auto longest = example_hello;
  longest.name = std::string(max_link_text + 1, 'x');
  const auto got = decode_link_hello(encode_link_hello(longest));
  REQUIRE(got);
  CHECK(got->name == std::string(max_link_text, 'x'));
}

TEST_CASE("link hello: proofs are of one cookie, one hello, one side") {
  const bytes cookie{1, 2, 3};
  const link_nonce nonce{9};
  const auto proof = prove_front(cookie, nonce, example_hello);
  CHECK(proof == prove_front(cookie, nonce, example_hello));
  CHECK(proof != prove_front(bytes{1, 2, 4}, nonce, example_hello));
  CHECK(proof != prove_front(cookie, link_nonce{8}, example_hello));
  CHECK(proof != prove_back(cookie, example_hello));
  auto other = example_hello;
  SUBCASE("name") {
    other.name = "front2";
  }
  SUBCASE("session") {
    other.session = 6;
  }
  SUBCASE("nonce") {
    other.nonce[0] = 0;
  }
  CHECK(proof != prove_front(cookie, nonce, other));
  CHECK(prove_back(cookie, example_hello) != prove_back(cookie, other));
}

}  // namespace
}  // namespace mtp
