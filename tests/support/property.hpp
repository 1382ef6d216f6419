// RapidCheck inside doctest, and generators that several tests share. What of it can be compiled
// once is in property.cpp: RapidCheck's templates are most of what tests of codecs take to compile.
#pragma once

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <functional>
#include <initializer_list>

#include "codecs/base/address.hpp"
#include "codecs/base/error.hpp"
#include "codecs/client/framing.hpp"

namespace mtp::test {

/// Checks a property 100 times (RC_PARAMS="max_success=N seed=S" changes that), or `times` as many;
/// reports the counterexample and the seed that reproduces it.
void check_property(const std::function<void()>& property, int times = 1);

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
rc::Gen<bytes> any_bytes();
/// Any packet a transport can carry: whole words, at least one.
rc::Gen<bytes> any_packet();
/// Either family; small cases are 0.0.0.0 and ::.
rc::Gen<ip_address> any_ip();
/// An endpoint that can be written as text: its port is not 0.
rc::Gen<endpoint> any_endpoint();
rc::Gen<framing> any_framing();
/// `whole` cut in pieces at random places; pieces may be empty.
rc::Gen<std::vector<bytes>> any_split(const bytes& whole);

/// `size` bytes that do not repeat soon: xorshift from a seed. For streams too long to be generated
/// byte by byte.
bytes noise(std::size_t size, std::uint64_t seed);
/// The parts one after another.
bytes join(std::initializer_list<byte_view> parts);
/// The first `size` bytes in memory of their own, so that a sanitizer sees what reads past them.
bytes start_of(byte_view whole, std::size_t size);

}  // namespace mtp::test
