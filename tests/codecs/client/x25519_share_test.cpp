#include "codecs/client/x25519_share.hpp"

#include <gmpxx.h>
#include <openssl/evp.h>

#include <memory>

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::check_property;

struct key_deleter {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

/// A public key of a real key pair.
x25519_share real_public_key() {
  const std::unique_ptr<EVP_PKEY, key_deleter> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")};
  x25519_share share;
  std::size_t size = share.size();
  REQUIRE(EVP_PKEY_get_raw_public_key(key.get(), share.data(), &size) == 1);
  return share;
}

const mpz_class p = (mpz_class{1} << 255) - 19;
/// Order of the base point's group (RFC 7748, 4.1).
const mpz_class order{
    "7237005577332262213973186563042994240857116359379907606001950938285454250989"};

mpz_class modulo(const mpz_class& in) {
  const mpz_class rest = in % p;
  return rest < 0 ? mpz_class{rest + p} : rest;
}

mpz_class coordinate(const x25519_share& share) {
  mpz_class number;
  mpz_import(number.get_mpz_t(), share.size(), -1, 1, -1, 0, share.data());
  return number;
}

bool on_curve(const mpz_class& u) {
  const mpz_class square = modulo(u * u * u + 486662 * u * u + u);
  return mpz_legendre(square.get_mpz_t(), p.get_mpz_t()) == 1;
}

/// The Montgomery ladder of RFC 7748, 5, without clamping: whether `scalar` times the point is the
/// neutral element.
bool vanishes(const mpz_class& scalar, const mpz_class& u) {
  mpz_class x2 = 1;
  mpz_class z2 = 0;
  mpz_class x3 = u;
  mpz_class z3 = 1;
  for (auto bit = mpz_sizeinbase(scalar.get_mpz_t(), 2); bit-- > 0;) {
    const bool swap = mpz_tstbit(scalar.get_mpz_t(), bit) != 0;
    if (swap) {
      std::swap(x2, x3);
      std::swap(z2, z3);
    }
    const mpz_class a = modulo((x2 + z2) * (x2 + z2));
    const mpz_class b = modulo((x2 - z2) * (x2 - z2));
    const mpz_class e = a - b;
    const mpz_class da = modulo((x3 - z3) * (x2 + z2));
    const mpz_class cb = modulo((x3 + z3) * (x2 - z2));
    x3 = modulo((da + cb) * (da + cb));
    z3 = modulo(u * (da - cb) * (da - cb));
    x2 = modulo(a * b);
    z2 = modulo(e * (a + 121665 * e));
    if (swap) {
      std::swap(x2, x3);
      std::swap(z2, z3);
    }
  }
  return z2 == 0;
}

TEST_CASE("x25519 share: the tests below are passed by real public keys, and not by any bytes") {
  for (int i = 0; i < 20; ++i) {
    const auto u = coordinate(real_public_key());
    CHECK(on_curve(u));
    CHECK(vanishes(order, u));
    CHECK_FALSE(vanishes(order - 1, u));
  }
  CHECK_FALSE(on_curve(2));
  CHECK(on_curve(4));
  CHECK_FALSE(vanishes(order, 4));  // on the curve, but of another order
}

TEST_CASE("x25519 share: on the curve, reduced, and of the order that public keys have") {
  check_property([] {
    const auto random = *rc::gen::container<x25519_share>(rc::gen::arbitrary<std::uint8_t>());
    const auto share = make_x25519_share(random);
    RC_CLASSIFY(share.has_value());
    if (!share) return;
    const auto u = coordinate(*share);
    RC_ASSERT(u > 0 && u < p);
    RC_ASSERT(on_curve(u));
    RC_ASSERT(vanishes(order, u));
  });
}

TEST_CASE("x25519 share: half of all inputs give one, and each another one") {
  std::size_t given = 0;
  std::vector<x25519_share> all;
  for (std::uint8_t i = 0; i < 200; ++i) {
    x25519_share random{};
    random.fill(static_cast<std::uint8_t>(i * 37));
    random[0] = i;
    if (const auto share = make_x25519_share(random)) {
      ++given;
      CHECK(std::ranges::find(all, *share) == all.end());
      all.push_back(*share);
    }
  }
  CHECK(given > 60);
  CHECK(given < 140);
}

TEST_CASE("x25519 share: points of low order are none") {
  CHECK_FALSE(make_x25519_share({}));   // u = 0
  CHECK_FALSE(make_x25519_share({1}));  // of order 4
}

}  // namespace
}  // namespace mtp
