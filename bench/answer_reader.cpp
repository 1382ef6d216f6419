#include "bench/answer_reader.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tests/support/tagged_packet.hpp"

namespace mtp::bench {

namespace {

/// Proxies differ in how long a tail they send.
constexpr std::size_t longest_tail = 15;

}  // namespace

std::size_t answer_reader::feed(byte_view in, const expected_answer* next) {
  complete_ = false;
  std::size_t taken = 0;
  while (head_size_ < head_.size() && taken < in.size())
    head_[head_size_++] = in[taken++];
  if (head_size_ < head_.size()) return taken;
  if (at_ == 0) {
    frame_size_ = load_le<std::uint32_t>(head_);
    if (next == nullptr) throw std::runtime_error{"an answer that was not asked for"};
    if (frame_size_ < next->size || frame_size_ > next->size + longest_tail)
      throw std::runtime_error{"an answer of " + std::to_string(frame_size_) + " bytes where " +
                               std::to_string(next->size) + " are expected"};
  }
  const auto part = in.subspan(taken, std::min(in.size() - taken, frame_size_ - at_));
  if (at_ < next->size) compare(part.first(std::min(part.size(), next->size - at_)), *next);
  at_ += part.size();
  complete_ = at_ == frame_size_;
  if (complete_) at_ = head_size_ = 0;
  return taken + part.size();
}

void answer_reader::compare(byte_view in, const expected_answer& next) {
  const auto check = [&](byte_view expected) {
    if (std::memcmp(in.data(), expected.data(), expected.size()) != 0)
      throw std::runtime_error{"a wrong byte in answer " + std::to_string(next.number) +
                               ", at or behind " + std::to_string(at_)};
    in = in.subspan(expected.size());
  };
  auto at = at_;
  if (at < test::packet_tag_size) {
    const auto tag = test::packet_tag(next.number);
    const auto part = byte_view{tag}.subspan(at).first(std::min(in.size(), tag.size() - at));
    check(part);
    at += part.size();
  }
  if (in.empty()) return;
  const auto body = test::packet_body(next.number, next.size - test::packet_tag_size);
  check(body.subspan(at - test::packet_tag_size, in.size()));
}

}  // namespace mtp::bench
