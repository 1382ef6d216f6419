#include "codecs/client/x25519_share.hpp"

#include <gmpxx.h>

namespace mtp {

namespace {

// RFC 7748, 4.1: v^2 = u^3 + A*u^2 + u over the integers modulo p.
constexpr unsigned long curve_a = 486662;
/// (A - 2) / 4, for doubling.
constexpr unsigned long curve_a24 = 121665;

const mpz_class& field_prime() {
  static const mpz_class p = (mpz_class{1} << 255) - 19;
  return p;
}

mpz_class reduce(const mpz_class& in) {
  mpz_class reduced;
  mpz_mod(reduced.get_mpz_t(), in.get_mpz_t(), field_prime().get_mpz_t());
  return reduced;
}

}  // namespace

std::optional<x25519_share> make_x25519_share(const x25519_share& random) {
  const auto& p = field_prime();
  mpz_class x;
  mpz_import(x.get_mpz_t(), random.size(), -1, 1, -1, 0, random.data());
  mpz_clrbit(x.get_mpz_t(), 255);
  const mpz_class square = reduce(x * reduce(x * x + curve_a * x + 1));
  if (mpz_legendre(square.get_mpz_t(), p.get_mpz_t()) != 1) return std::nullopt;
  // Three doublings (RFC 7748, 5: AA, BB, E), with x as x/z: times 8, every point is one of prime
  // order, or the neutral one.
  mpz_class z = 1;
  for (int i = 0; i < 3; ++i) {
    const mpz_class plus = reduce((x + z) * (x + z));
    const mpz_class minus = reduce((x - z) * (x - z));
    const mpz_class difference = plus - minus;
    x = reduce(plus * minus);
    z = reduce(difference * (plus + curve_a24 * difference));
  }
  if (mpz_invert(z.get_mpz_t(), z.get_mpz_t(), p.get_mpz_t()) == 0) return std::nullopt;
  x = reduce(x * z);
  x25519_share share{};
  mpz_export(share.data(), nullptr, -1, 1, -1, 0, x.get_mpz_t());
  return share;
}

}  // namespace mtp
