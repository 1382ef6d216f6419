// RapidCheck inside doctest, and generators that several tests share.
#pragma once

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <sstream>

#include "codecs/bytes.hpp"

namespace mtp::test {

/// Checks a property 100 times (RC_PARAMS="max_success=N seed=S" changes that); reports the
/// counterexample and the seed that reproduces it.
template <class Property>
void check_property(Property&& property) {
  const auto outcome = rc::detail::checkTestable(std::forward<Property>(property));
  std::ostringstream text;
  rc::detail::printResultMessage(outcome, text);
  CHECK_MESSAGE(outcome.template is<rc::detail::SuccessResult>(), text.str());
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
