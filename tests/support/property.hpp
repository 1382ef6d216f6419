// RapidCheck inside doctest, and generators that several tests share.
#pragma once

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <initializer_list>
#include <sstream>
#include <utility>

#include "codecs/base/address.hpp"
#include "codecs/base/error.hpp"
#include "codecs/client/framing.hpp"

namespace mtp::test {

/// Checks a property 100 times (RC_PARAMS="max_success=N seed=S" changes that), or `times` as many;
/// reports the counterexample and the seed that reproduces it.
template <class Property>
void check_property(Property&& property, int times = 1) {
  auto params = rc::detail::configuration().testParams;
  params.maxSuccess *= times;
  const auto outcome = rc::detail::checkTestable(std::forward<Property>(property),
                                                 rc::detail::TestMetadata{}, params);
  std::ostringstream text;
  rc::detail::printResultMessage(outcome, text);
  CHECK_MESSAGE(outcome.template is<rc::detail::SuccessResult>(), text.str());
}

/// Whether a step over a stream found something.
template <class T>
bool found(const decoded<T>& step) {
  // In one expression, GCC reads both flags at once, and UBSan takes the second for a broken bool.
  if (!step) return false;
  return step->has_value();
}

/// Whether a step over a stream needs more bytes.
template <class T>
bool waits(const decoded<T>& step) {
  if (!step) return false;
  return !step->has_value();
}

/// Any bytes.
inline rc::Gen<bytes> any_bytes() {
  return rc::gen::arbitrary<bytes>();
}

/// Any packet a transport can carry: whole words, at least one.
inline rc::Gen<bytes> any_packet() {
  return rc::gen::map(rc::gen::nonEmpty(rc::gen::arbitrary<std::vector<std::uint32_t>>()),
                      [](const std::vector<std::uint32_t>& words) {
                        bytes out;
                        for (const auto word : words)
                          append_le(out, word);
                        return out;
                      });
}

/// Either family; small cases are 0.0.0.0 and ::.
inline rc::Gen<ip_address> any_ip() {
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::arbitrary<std::array<std::uint8_t, 4>>(), &ip_address::v4),
      rc::gen::map(rc::gen::arbitrary<std::array<std::uint8_t, 16>>(), &ip_address::v6));
}

/// An endpoint that can be written as text: its port is not 0.
inline rc::Gen<endpoint> any_endpoint() {
  return rc::gen::build<endpoint>(rc::gen::set(&endpoint::ip, any_ip()),
                                  rc::gen::set(&endpoint::port, rc::gen::nonZero<std::uint16_t>()));
}

inline rc::Gen<framing> any_framing() {
  return rc::gen::element(framing::abridged, framing::intermediate, framing::padded);
}

/// `size` bytes that do not repeat soon: xorshift from a seed. For streams too long to be generated
/// byte by byte.
inline bytes noise(std::size_t size, std::uint64_t seed) {
  bytes out(size);
  auto state = seed | 1;
  for (auto& byte : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::uint8_t>(state >> 32);
  }
  return out;
}

/// The parts one after another.
inline bytes join(std::initializer_list<byte_view> parts) {
  bytes out;
  for (const auto part : parts)
    append(out, part);
  return out;
}

/// The first `size` bytes in memory of their own, so that a sanitizer sees what reads past them.
inline bytes start_of(byte_view whole, std::size_t size) {
  return to_bytes(whole.first(size));
}

/// `whole` cut in pieces at random places; pieces may be empty.
inline rc::Gen<std::vector<bytes>> any_split(const bytes& whole) {
  const auto place = rc::gen::inRange<std::size_t>(0, whole.size() + 1);
  return rc::gen::map(rc::gen::container<std::vector<std::size_t>>(place),
                      [whole](std::vector<std::size_t> cuts) {
                        std::ranges::sort(cuts);
                        cuts.push_back(whole.size());
                        std::vector<bytes> pieces;
                        std::size_t from = 0;
                        for (const auto cut : cuts) {
                          const auto piece = byte_view{whole}.subspan(from, cut - from);
                          pieces.push_back(to_bytes(piece));
                          from = cut;
                        }
                        return pieces;
                      });
}

}  // namespace mtp::test
