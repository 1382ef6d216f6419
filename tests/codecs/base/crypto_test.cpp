#include "codecs/base/crypto.hpp"

#include <algorithm>

#include "codecs/base/processor.hpp"
#include "codecs/base/stream_ciphers.hpp"
#include "codecs/base/text.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_split;
using test::check_property;
using test::noise;

template <std::size_t N>
std::array<std::uint8_t, N> array_of(std::string_view hex) {
  const auto raw = from_hex(hex).value();
  REQUIRE(raw.size() == N);
  std::array<std::uint8_t, N> filled{};
  std::ranges::copy(raw, filled.begin());
  return filled;
}

// NIST SP 800-38A, F.2.5 and F.5.5: one key and four blocks of plaintext for all modes.
const std::string nist_key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const std::string nist_plain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

TEST_CASE("aes-ctr: the vector of NIST SP 800-38A, F.5.5") {
  const auto plain = from_hex(nist_plain).value();
  aes_ctr cipher{array_of<32>(nist_key), array_of<16>("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")};
  auto data = plain;
  cipher.apply(data);
  CHECK(to_hex(data) ==
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6");

  aes_ctr back{array_of<32>(nist_key), array_of<16>("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")};
  back.apply(data);
  CHECK(data == plain);
}

TEST_CASE("aes-cbc: the vector of NIST SP 800-38A, F.2.5") {
  const auto plain = from_hex(nist_plain).value();
  aes_cbc_encryptor encryptor{array_of<32>(nist_key),
                              array_of<16>("000102030405060708090a0b0c0d0e0f")};
  auto data = plain;
  encryptor.apply(data);
  CHECK(to_hex(data) ==
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b");

  aes_cbc_decryptor decryptor{array_of<32>(nist_key),
                              array_of<16>("000102030405060708090a0b0c0d0e0f")};
  decryptor.apply(data);
  CHECK(data == plain);
}

TEST_CASE("aes-ctr: any split of a stream gives the same bytes") {
  check_property([] {
    const auto key = *rc::gen::arbitrary<key32>();
    const auto iv = *rc::gen::arbitrary<iv16>();
    const auto plain = *any_bytes();
    auto whole = plain;
    aes_ctr{key, iv}.apply(whole);
    aes_ctr cipher{key, iv};
    bytes in_pieces;
    for (auto& piece : *any_split(plain)) {
      cipher.apply(piece);
      append(in_pieces, piece);
    }
    RC_ASSERT(in_pieces == whole);
    aes_ctr{key, iv}.apply(whole);
    RC_ASSERT(whole == plain);
  });
}

TEST_CASE("ciphers: which library computes them is known, and libcrypto can stand in for it") {
  const auto& wide = detail::wide_ciphers();
  CHECK_FALSE(wide.description.empty());
  CHECK(describe_ciphers().starts_with(wide.usable ? "AES by Intel's IPsec library"
                                                   : "AES by libcrypto, not by"));
  // A processor without all that it needs must not get there.
  if (!missing_instructions().empty()) CHECK_FALSE(wide.usable);
  check_property([] {
    const auto key = *rc::gen::arbitrary<key32>();
    const auto iv = *rc::gen::arbitrary<iv16>();
    const auto data = noise(*rc::gen::inRange<std::size_t>(0, 200) * aes_block, 1);
    for (const auto mode : {detail::cipher_mode::ctr, detail::cipher_mode::cbc_decryption}) {
      auto expected = data;
      detail::make_evp_cipher(mode, key, iv)->apply(expected);
      auto got = data;
      if (mode == detail::cipher_mode::ctr)
        aes_ctr{key, iv}.apply(got);
      else
        aes_cbc_decryptor{key, iv}.apply(got);
      RC_ASSERT(got == expected);
    }
  });
}

TEST_CASE("aes-ctr: as libcrypto does it, wherever the counter carries") {
  check_property([] {
    const auto key = *rc::gen::arbitrary<key32>();
    auto iv = *rc::gen::arbitrary<iv16>();
    // The last blocks before a carry out of `carried` bytes.
    const auto carried = *rc::gen::inRange<std::size_t>(1, 17);
    std::fill(iv.end() - static_cast<std::ptrdiff_t>(carried), iv.end(), std::uint8_t{0xff});
    iv.back() = static_cast<std::uint8_t>(0xff - *rc::gen::inRange(0, 40));
    auto data = noise(*rc::gen::inRange<std::size_t>(0, 2000), 1);
    auto expected = data;
    detail::evp_cipher{"AES-256-CTR", key, iv, detail::direction::encrypt}.apply(expected);
    aes_ctr cipher{key, iv};
    bytes got;
    for (auto& piece : *any_split(data)) {
      cipher.apply(piece);
      append(got, piece);
    }
    RC_ASSERT(got == expected);
  });
}

TEST_CASE("aes-cbc: any split at blocks chains on, and decryption undoes encryption") {
  check_property([] {
    const auto key = *rc::gen::arbitrary<key32>();
    const auto iv = *rc::gen::arbitrary<iv16>();
    const auto counts =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 5));
    std::size_t blocks = 0;
    for (const auto count : counts)
      blocks += count;
    const auto plain = noise(blocks * aes_block, *rc::gen::arbitrary<std::uint64_t>());
    auto whole = plain;
    aes_cbc_encryptor{key, iv}.apply(whole);

    auto encrypted = plain;
    aes_cbc_encryptor encryptor{key, iv};
    std::size_t at = 0;
    for (const auto count : counts) {
      encryptor.apply(byte_span{encrypted}.subspan(at, count * aes_block));
      at += count * aes_block;
    }
    RC_ASSERT(encrypted == whole);

    aes_cbc_decryptor decryptor{key, iv};
    at = 0;
    for (auto count = counts.rbegin(); count != counts.rend(); ++count) {
      decryptor.apply(byte_span{encrypted}.subspan(at, *count * aes_block));
      at += *count * aes_block;
    }
    RC_ASSERT(encrypted == plain);
  });
}

TEST_CASE("ciphers: a moved cipher goes on where it stopped") {
  bytes whole(40, 7);
  aes_ctr{key32{}, iv16{}}.apply(whole);
  bytes data(40, 7);
  aes_ctr first{key32{}, iv16{}};
  first.apply(byte_span{data}.first(13));
  auto second = std::move(first);
  second.apply(byte_span{data}.subspan(13));
  CHECK(data == whole);
}

TEST_CASE("digests: the vectors of RFC 1321 and FIPS 180 for \"abc\", in any number of parts") {
  for (const std::size_t cut : {0, 1, 3}) {
    const auto head = as_bytes("abc").first(cut);
    const auto tail = as_bytes("abc").subspan(cut);
    CHECK(to_hex(md5({head, tail})) == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(to_hex(sha1({head, tail})) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(to_hex(sha256({head, tail})) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  }
  CHECK(to_hex(md5({})) == "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_CASE("hmac-sha256: RFC 4231, cases 1 and 2") {
  CHECK(to_hex(hmac_sha256(bytes(20, 0x0b), {as_bytes("Hi There")})) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(to_hex(hmac_sha256(as_bytes("Jefe"),
                           {as_bytes("what do ya want "), as_bytes("for nothing?")})) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("hmac-sha256: an empty key is a key, not the one before it") {
  const auto before = hmac_sha256(as_bytes("Jefe"), {});
  const auto got = hmac_sha256({}, {});
  CHECK(got != before);
  CHECK(to_hex(got) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("checksums: the check values of the CRC catalogues") {
  CHECK(crc32(as_bytes("123456789")) == 0xcbf4'3926);
  CHECK(crc32c(as_bytes("123456789")) == 0xe306'9283);
  CHECK(crc32({}) == 0);
  CHECK(crc32c({}) == 0);
}

/// The textbook form: a byte at a time, a bit at a time.
std::uint32_t crc_by_bits(byte_view data, std::uint32_t polynomial) {
  std::uint32_t crc = 0xffff'ffff;
  for (const auto byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
  }
  return ~crc;
}

TEST_CASE("checksums: long and odd-sized data too, as the textbook computes them") {
  for (const std::size_t size : {1, 7, 63, 64, 65, 255, 1000, 5001}) {
    const auto data = noise(size, size);
    CHECK(crc32(data) == crc_by_bits(data, 0xedb8'8320));
    CHECK(crc32c(data) == crc_by_bits(data, 0x82f6'3b78));
  }
}

TEST_CASE("equal_constant_time: tells any difference") {
  check_property([] {
    const auto a = *rc::gen::nonEmpty(any_bytes());
    auto b = a;
    RC_ASSERT(equal_constant_time(a, b));
    b[*rc::gen::inRange<std::size_t>(0, b.size())] ^= *rc::gen::nonZero<std::uint8_t>();
    RC_ASSERT(!equal_constant_time(a, b));
  });
  CHECK(equal_constant_time({}, {}));
}

}  // namespace
}  // namespace mtp
