#include "tests/support/property.hpp"

#include <algorithm>
#include <sstream>

namespace mtp::test {

void check_property(const std::function<void()>& property, int times) {
  auto params = rc::detail::configuration().testParams;
  params.maxSuccess *= times;
  const auto outcome = rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params);
  std::ostringstream text;
  rc::detail::printResultMessage(outcome, text);
  CHECK_MESSAGE(outcome.is<rc::detail::SuccessResult>(), text.str());
}

rc::Gen<bytes> any_bytes() {
  return rc::gen::arbitrary<bytes>();
}

rc::Gen<bytes> any_packet() {
  return rc::gen::map(rc::gen::nonEmpty(rc::gen::arbitrary<std::vector<std::uint32_t>>()),
                      [](const std::vector<std::uint32_t>& words) {
                        bytes encoded;
                        for (const auto word : words)
                          append_le(encoded, word);
                        return encoded;
                      });
}

rc::Gen<ip_address> any_ip() {
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::arbitrary<std::array<std::uint8_t, 4>>(), &ip_address::v4),
      rc::gen::map(rc::gen::arbitrary<std::array<std::uint8_t, 16>>(), &ip_address::v6));
}

rc::Gen<endpoint> any_endpoint() {
  return rc::gen::build<endpoint>(rc::gen::set(&endpoint::ip, any_ip()),
                                  rc::gen::set(&endpoint::port, rc::gen::nonZero<std::uint16_t>()));
}

rc::Gen<framing> any_framing() {
  return rc::gen::element(framing::abridged, framing::intermediate, framing::padded);
}

rc::Gen<std::vector<bytes>> any_split(const bytes& whole) {
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

bytes noise(std::size_t size, std::uint64_t seed) {
  bytes filled(size);
  auto state = seed | 1;
  for (auto& byte : filled) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::uint8_t>(state >> 32);
  }
  return filled;
}

bytes join(std::initializer_list<byte_view> parts) {
  bytes whole;
  for (const auto part : parts)
    append(whole, part);
  return whole;
}

bytes start_of(byte_view whole, std::size_t size) {
  return to_bytes(whole.first(size));
}

}  // namespace mtp::test
