#include "codecs/node_link/link_hello.hpp"

#include <limits>

#include "codecs/base/text.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::join;
using test::start_of;

/// An offer of a build that knows two more capabilities and says two bytes more.
const link_offer later_offer{
    .highest = 9, .lowest = 4, .capabilities = 0x8000'0000'0000'0007, .additions = {0xe0, 0xe1}};

const link_hello example_hello{.build = "0.2",
                               .name = "front1",
                               .node = 7,
                               .session = 5,
                               .clock = 0x6900'0000,
                               .has_cookie = true,
                               .nonce = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9,
                                         0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf},
                               .proof = {0xb0}};
const link_answer example_answer{.verdict = link_answer::kind::welcome,
                                 .build = "0.2",
                                 .reason = "",
                                 .name = "back",
                                 .node = 9,
                                 .clock = 1,
                                 .nonce = {0xc0},
                                 .proof = {0xd0}};

template <class Message>
Message with_offer(Message message, link_offer offer) {
  message.offer = std::move(offer);
  return message;
}
const link_hello old_hello = with_offer(example_hello, old_link_offer);
const link_answer old_answer = with_offer(example_answer, old_link_offer);

/// What stands in a hello between the version and the offer.
bytes middle_of_hello() {
  bytes proof(32);
  proof[0] = 0xb0;
  return join({bytes{0x03, '0',  '.',  '2',                                 // build
                     0x06, 'f',  'r',  'o',  'n',  't',  '1',               // name
                     0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,        // node
                     0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,        // session
                     0x00, 0x00, 0x00, 0x69, 0x00, 0x00, 0x00, 0x00,        // clock
                     0x01,                                                  // has a cookie
                     0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8,  // nonce
                     0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf},
               proof});
}
/// The same of an answer.
bytes middle_of_answer() {
  bytes nonce(16);
  nonce[0] = 0xc0;
  bytes proof(32);
  proof[0] = 0xd0;
  return join({bytes{0x00,                                             // welcome
                     0x03, '0',  '.',  '2',                            // build
                     0x00,                                             // no reason
                     0x04, 'b',  'a',  'c',  'k',                      // name
                     0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,   // node
                     0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},  // clock
               nonce, proof});
}
const bytes version_3{'M', 'T', 'L', 'K', 0x03, 0x00};
const bytes version_4{'M', 'T', 'L', 'K', 0x04, 0x00};
const bytes our_offer{0x0a, 0x00,                                       // 10 bytes
                      0x03, 0x00,                                       // lowest version
                      0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};  // capabilities

TEST_CASE("link hello: what a front says first") {
  const auto encoded = encode_link_hello(example_hello);
  CHECK(encoded == join({version_4, middle_of_hello(), our_offer}));
  CHECK(decode_link_hello(encoded) == example_hello);
}

TEST_CASE("link hello: what a back answers") {
  const auto encoded = encode_link_answer(example_answer);
  CHECK(encoded == join({version_4, middle_of_answer(), our_offer}));
  CHECK(decode_link_answer(encoded) == example_answer);
  auto other = example_answer;
  other.verdict = link_answer::kind::challenge;
  CHECK(decode_link_answer(encode_link_answer(other)) == other);
  other.verdict = link_answer::kind::refused;
  other.reason = "the name is not allowed";
  CHECK(decode_link_answer(encode_link_answer(other)) == other);
}

// Builds of that version read this and nothing else: not a byte of it may change.
TEST_CASE("link hello: version 3, byte for byte") {
  const auto hello = join({version_3, middle_of_hello()});
  CHECK(encode_link_hello(old_hello) == hello);
  CHECK(decode_link_hello(hello) == old_hello);
  const auto answer = join({version_3, middle_of_answer()});
  CHECK(encode_link_answer(old_answer) == answer);
  CHECK(decode_link_answer(answer) == old_answer);
  // That version has nothing behind it.
  CHECK_FALSE(decode_link_hello(join({hello, our_offer})));
  CHECK_FALSE(decode_link_answer(join({answer, our_offer})));
}

TEST_CASE("link hello: what a later build adds is skipped, and kept") {
  const bytes offer{0x0c, 0x00,                                      // 12 bytes
                    0x04, 0x00,                                      // lowest version
                    0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80,  // capabilities
                    0xe0, 0xe1};                                     // whatever that is
  auto hello = join({version_4, middle_of_hello(), offer});
  hello[4] = 9;
  CHECK(decode_link_hello(hello) == with_offer(example_hello, later_offer));
  CHECK(encode_link_hello(with_offer(example_hello, later_offer)) == hello);
  auto answer = join({version_4, middle_of_answer(), offer});
  answer[4] = 9;
  CHECK(decode_link_answer(answer) == with_offer(example_answer, later_offer));
  CHECK(encode_link_answer(with_offer(example_answer, later_offer)) == answer);

  // Up to a limit, and within what it says of its size.
  auto long_offer = later_offer;
  long_offer.additions.assign(max_link_additions, 0xe0);
  CHECK(decode_link_hello(encode_link_hello(with_offer(example_hello, long_offer)))->offer ==
        long_offer);
  auto too_long = encode_link_hello(with_offer(example_hello, long_offer));
  too_long.push_back(0xe0);
  CHECK_FALSE(decode_link_hello(too_long));
  const auto size_at = version_4.size() + middle_of_hello().size();
  store_le(byte_span{too_long}.subspan(size_at), static_cast<std::uint16_t>(10 + 1001));
  CHECK_FALSE(decode_link_hello(too_long));
  auto longer = long_offer;
  longer.additions.push_back(0xe0);
  CHECK(encode_link_hello(with_offer(example_hello, longer)) ==
        encode_link_hello(with_offer(example_hello, long_offer)));
}

TEST_CASE("link hello: an offer that contradicts itself is refused") {
  const auto refused = [](const bytes& offer) {
    return !decode_link_hello(join({version_4, middle_of_hello(), offer})) &&
           !decode_link_answer(join({version_4, middle_of_answer(), offer}));
  };
  CHECK_FALSE(refused(our_offer));
  auto offer = our_offer;
  offer[2] = 5;  // the lowest version above the highest
  CHECK(refused(offer));
  offer = our_offer;
  offer[0] = 9;  // shorter than what it has to have
  CHECK(refused(offer));
  offer.pop_back();
  CHECK(refused(offer));
  CHECK(refused({}));
}

TEST_CASE("link hello: two nodes use the highest version and the capabilities of both") {
  const auto check = [](const link_offer& offer, const link_offer& other,
                        std::optional<link_terms> expected) {
    CHECK(common_terms(offer, other) == expected);
    CHECK(common_terms(other, offer) == expected);
  };
  check({}, {}, link_terms{.version = 4, .capabilities = link_capability::all});
  check({}, old_link_offer, link_terms{.version = 3, .capabilities = 0});
  // Capabilities that this build does not know are not used.
  check({}, later_offer, link_terms{.version = 4, .capabilities = link_capability::all});
  check({}, {.highest = 4, .lowest = 4, .capabilities = ~link_capability::all},
        link_terms{.version = 4, .capabilities = 0});
  check({.highest = 6, .lowest = 5}, {.highest = 7, .lowest = 6},
        link_terms{.version = 6, .capabilities = link_capability::all});
  check({}, {.highest = 6, .lowest = 5}, std::nullopt);
  check({}, {.highest = 2, .lowest = 2}, std::nullopt);
  check(old_link_offer, later_offer, std::nullopt);
  CHECK(link_terms{.capabilities = 6}.has(2));
  CHECK_FALSE(link_terms{.capabilities = 6}.has(1));
}

TEST_CASE("link hello: versions are told to people") {
  CHECK(describe_versions({}) == "3 to 4");
  CHECK(describe_versions(old_link_offer) == "3");
  CHECK(describe_other_versions({}).empty());
  CHECK(describe_other_versions({.capabilities = 0}).empty());
  CHECK(describe_other_versions(old_link_offer) == "3");
  CHECK(describe_age({}, {.version = 4}).empty());
  CHECK(describe_age(old_link_offer, {.version = 3}) ==
        "; an older node: link version 3 is used, not 4");
  CHECK(describe_age(later_offer, {.version = 4}) ==
        "; a newer node: link version 4 is used, not 9");
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

TEST_CASE("link hello: of a version that is too old, only what never moves is read") {
  auto hello = encode_link_hello(old_hello);
  hello[4] = 2;
  hello.resize(4 + 2 + 4);  // whatever follows in that version
  const auto got = decode_link_hello(hello);
  REQUIRE(got);
  CHECK(got->offer == link_offer{.highest = 2, .lowest = 2, .capabilities = 0});
  CHECK(got->build == "0.2");

  auto refusal = old_answer;
  refusal.verdict = link_answer::kind::refused;
  refusal.reason = "no";
  auto answer = encode_link_answer(refusal);
  answer[4] = 2;
  answer.push_back(0xff);
  const auto read = decode_link_answer(answer);
  REQUIRE(read);
  CHECK(read->offer == link_offer{.highest = 2, .lowest = 2, .capabilities = 0});
  CHECK(read->verdict == link_answer::kind::refused);
  CHECK(read->build == "0.2");
  CHECK(read->reason == "no");
}

TEST_CASE("link hello: what is cut, too long, or not for people is refused") {
  for (const auto& example : {example_hello, old_hello, with_offer(example_hello, later_offer)}) {
    const auto hello = encode_link_hello(example);
    for (std::size_t size = 0; size < hello.size(); ++size)
      CHECK_FALSE(decode_link_hello(start_of(hello, size)));
    CHECK_FALSE(decode_link_hello(join({hello, bytes{0}})));
  }
  const auto hello = encode_link_hello(example_hello);
  auto bad = hello;
  bad[0] = 'X';
  CHECK_FALSE(decode_link_hello(bad));
  bad = hello;
  bad[7] = '\n';
  CHECK(decode_link_hello(bad).error() == errc::bad_link_hello);
  bad = encode_link_hello(old_hello);
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

TEST_CASE("link hello: the mark of a front that fell back") {
  link_nonce nonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  CHECK_FALSE(is_fallback(nonce));
  mark_fallback(nonce);
  CHECK(is_fallback(nonce));
  CHECK(bytes(nonce.begin(), nonce.end()) ==
        bytes{1, 2, 3, 4, 5, 6, 7, 8, 'f', 'a', 'l', 'l', 'b', 'a', 'c', 'k'});
}

// -- proofs ---------------------------------------------------------------------------------------

const bytes cookie{1, 2, 3};
const link_nonce nonce_of_back{9};

// Made by Python's hmac.
TEST_CASE("link hello: proofs of version 3 and 4, byte for byte") {
  CHECK(to_hex(prove_front(cookie, nonce_of_back, old_hello)) ==
        "6206e7fdafc10a77e12343fd79d6dc7faaf46ccb6c4243f1f56b3f4898aacb90");
  CHECK(to_hex(prove_back(cookie, old_hello, old_answer)) ==
        "730e9ac52ec5d9f155ffed6bcfc3488b930efe16f061d904f0f9cdb2586d5b94");
  CHECK(to_hex(prove_front(cookie, nonce_of_back, example_hello)) ==
        "c1f5d2e78583b49ef3e773f01eabcd70f8ec8aa988a67c287957c5ce38773a8b");
  CHECK(to_hex(prove_back(cookie, example_hello, example_answer)) ==
        "3407c613087644a2c1b772c26796b18ccdf3d425c84dfc127560934feb8dae80");
}

TEST_CASE("link hello: proofs are of one cookie, one hello, one side") {
  auto hello = example_hello;
  SUBCASE("version 4") {}
  SUBCASE("version 3") {
    hello = old_hello;
  }
  const auto proof = prove_front(cookie, nonce_of_back, hello);
  CHECK(proof != prove_front(bytes{1, 2, 4}, nonce_of_back, hello));
  CHECK(proof != prove_front(cookie, link_nonce{8}, hello));
  CHECK(proof != prove_back(cookie, hello, example_answer));
  const auto is_covered = [&](auto&& change) {
    auto other = hello;
    change(other);
    return proof != prove_front(cookie, nonce_of_back, other) &&
           prove_back(cookie, hello, example_answer) != prove_back(cookie, other, example_answer);
  };
  CHECK(is_covered([](link_hello& other) { other.name = "front2"; }));
  CHECK(is_covered([](link_hello& other) { other.session = 6; }));
  CHECK(is_covered([](link_hello& other) { other.nonce[0] = 0; }));
  CHECK(is_covered([](link_hello& other) { mark_fallback(other.nonce); }));
  CHECK_FALSE(is_covered([](link_hello& other) { other.proof = {}; }));
}

TEST_CASE("link hello: nobody in between can change what nodes offer each other") {
  const auto hello = with_offer(example_hello, later_offer);
  const auto answer = with_offer(example_answer, later_offer);
  const auto of_front = prove_front(cookie, nonce_of_back, hello);
  const auto of_back = prove_back(cookie, hello, answer);
  const auto is_covered = [&](auto&& change) {
    auto offer = later_offer;
    change(offer);
    const auto other_hello = with_offer(hello, offer);
    const auto other_answer = with_offer(answer, offer);
    return of_front != prove_front(cookie, nonce_of_back, other_hello) &&
           of_back != prove_back(cookie, other_hello, answer) &&
           of_back != prove_back(cookie, hello, other_answer);
  };
  CHECK(is_covered([](link_offer& offer) { offer.highest = 8; }));
  CHECK(is_covered([](link_offer& offer) { offer.lowest = 3; }));
  CHECK(is_covered([](link_offer& offer) { offer.capabilities ^= link_capability::farewell; }));
  CHECK(is_covered([](link_offer& offer) { offer.capabilities ^= std::uint64_t{1} << 62U; }));
  CHECK(is_covered([](link_offer& offer) { offer.additions[1] = 0; }));
  CHECK(is_covered([](link_offer& offer) { offer.additions.clear(); }));
  CHECK_FALSE(is_covered([](link_offer&) {}));
  // Nor can a proof of one version stand for one of the other.
  const auto as_old = with_offer(hello, old_link_offer);
  CHECK(of_front != prove_front(cookie, nonce_of_back, as_old));
  CHECK(of_back != prove_back(cookie, as_old, answer));
}

}  // namespace
}  // namespace mtp
