#include "codecs/telegram/req_pq.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::check_property;
using test::join;
using test::start_of;

constexpr pq_nonce nonce{0x99, 0xc5, 0x8e, 0xee, 0xf5, 0x8b, 0x55, 0xd0,
                         0xa0, 0xf1, 0x44, 0x59, 0x6a, 0x07, 0x76, 0xa7};
constexpr pq_nonce server_nonce{0x92, 0xca, 0xa3, 0xf1, 0x3f, 0x9e, 0x20, 0x1b,
                                0xf6, 0xcb, 0xe2, 0x46, 0xb1, 0x2e, 0x6a, 0xe1};

// A real exchange, from the tests of mtp_rpc.erl.
const bytes real_req_pq{
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // auth_key_id 0: not encrypted
    0x00, 0x00, 0x00, 0x00, 0x3d, 0x02, 0x18, 0x5b,  // message id
    0x14, 0x00, 0x00, 0x00,                          // 20 bytes
    0x78, 0x97, 0x46, 0x60,                          // req_pq
    0x99, 0xc5, 0x8e, 0xee, 0xf5, 0x8b, 0x55, 0xd0,  // nonce
    0xa0, 0xf1, 0x44, 0x59, 0x6a, 0x07, 0x76, 0xa7};
const bytes real_res_pq{0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,        // auth_key_id 0
                        0x01, 0x34, 0x3e, 0xee, 0x3c, 0x02, 0x18, 0x5b,        // message id
                        0x40, 0x00, 0x00, 0x00,                                // 64 bytes
                        0x63, 0x24, 0x16, 0x05,                                // resPQ
                        0x99, 0xc5, 0x8e, 0xee, 0xf5, 0x8b, 0x55, 0xd0,        // nonce
                        0xa0, 0xf1, 0x44, 0x59, 0x6a, 0x07, 0x76, 0xa7,        //
                        0x92, 0xca, 0xa3, 0xf1, 0x3f, 0x9e, 0x20, 0x1b,        // server nonce
                        0xf6, 0xcb, 0xe2, 0x46, 0xb1, 0x2e, 0x6a, 0xe1,        //
                        0x08, 0x22, 0xca, 0xce, 0xf1, 0x13, 0x26, 0x79, 0xf5,  // pq: 8 bytes,
                        0x00, 0x00, 0x00,                                 // filled up to a word
                        0x15, 0xc4, 0xb5, 0x1c, 0x01, 0x00, 0x00, 0x00,   // a vector of one
                        0x21, 0x6b, 0xe8, 0x6c, 0x02, 0x2b, 0xb4, 0xc3};  // key fingerprint

TEST_CASE("req_pq: both ends of a real exchange are read") {
  CHECK(parse_req_pq(real_req_pq) == nonce);
  CHECK(parse_res_pq(real_res_pq) == nonce);
}

TEST_CASE("req_pq: what we ask differs from it in the constructor") {
  auto expected = real_req_pq;
  const bytes multi{0xf1, 0x8e, 0x7e, 0xbe};  // req_pq_multi
  std::ranges::copy(multi, expected.begin() + 20);
  CHECK(make_req_pq(nonce, 0x5b18'023d'0000'0000) == expected);
  CHECK(parse_req_pq(expected) == nonce);
}

TEST_CASE("req_pq: what we answer differs from it in pq") {
  auto expected = real_res_pq;
  const bytes pq{0x17, 0xed, 0x48, 0x94, 0x1a, 0x08, 0xf9, 0x81};  // 1229739323 * 1402015859
  std::ranges::copy(pq, expected.begin() + 57);
  CHECK(make_res_pq(nonce, server_nonce, 0x5b18'023c'ee3e'3401) == expected);
  CHECK(1229739323ULL * 1402015859ULL == 0x17ed'4894'1a08'f981ULL);
}

TEST_CASE("req_pq: words behind the message are a padded transport's tail") {
  CHECK(parse_req_pq(join({real_req_pq, bytes{1, 2, 3, 4}})) == nonce);
  CHECK(parse_res_pq(join({real_res_pq, bytes{1, 2, 3, 4}})) == nonce);
}

TEST_CASE("req_pq: an encrypted, cut or other message is refused") {
  for (std::size_t size = 0; size < real_req_pq.size(); ++size)
    CHECK_FALSE(parse_req_pq(start_of(real_req_pq, size)));
  for (std::size_t size = 0; size < 40; ++size)
    CHECK_FALSE(parse_res_pq(start_of(real_res_pq, size)));
  CHECK_FALSE(parse_req_pq(real_res_pq));
  CHECK_FALSE(parse_res_pq(real_req_pq));
  for (const std::size_t at : {0, 7, 20, 23}) {  // auth_key_id, constructor
    auto packet = real_req_pq;
    packet[at] ^= 1;
    const auto got = parse_req_pq(packet);
    REQUIRE_FALSE(got);
    CHECK(got.error() == errc::rpc_malformed);
    packet = real_res_pq;
    packet[at] ^= 1;
    CHECK_FALSE(parse_res_pq(packet));
  }
  auto shorter = real_req_pq;
  shorter[16] = 0x10;  // the message ends before its nonce does
  CHECK_FALSE(parse_req_pq(shorter));
}

TEST_CASE("req_pq: what is written is read back") {
  check_property([] {
    const auto ours = *rc::gen::arbitrary<pq_nonce>();
    const auto theirs = *rc::gen::arbitrary<pq_nonce>();
    const auto id = *rc::gen::arbitrary<std::uint64_t>();
    RC_ASSERT(parse_req_pq(make_req_pq(ours, id)) == ours);
    RC_ASSERT(parse_res_pq(make_res_pq(ours, theirs, id)) == ours);
  });
}

TEST_CASE("req_pq: random bytes are refused") {
  check_property([] {
    const auto packet = join({bytes(8), *any_bytes()});
    RC_ASSERT(!parse_req_pq(packet).has_value());
    RC_ASSERT(!parse_res_pq(packet).has_value());
  });
}

}  // namespace
}  // namespace mtp
