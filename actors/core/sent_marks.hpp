// Marks in an outgoing stream: each has a value that is due when the stream has passed the mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mtp::actors {

/// Counts the bytes of one stream that were handed to the socket, and that have left us.
template <class T>
class sent_marks {
 public:
  struct mark {
    std::uint64_t until = 0;
    T due;
  };

  /// `size` bytes were handed to the socket.
  void queue(std::size_t size) noexcept { queued_ += size; }
  [[nodiscard]] std::uint64_t queued() const noexcept { return queued_; }
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }

  /// `due` falls due when the stream has left up to `until`. `until` must not be less than that of
  /// the mark before.
  void add(std::uint64_t until, const T& due) { marks_.push_back({.until = until, .due = due}); }

  /// `size` bytes have left. `handle(due)` is called for each mark that was passed, in the order in
  /// which they were added; it must not call this object.
  template <class Handle>
  void leave(std::size_t size, Handle handle) {
    sent_ += size;
    const auto before = first_;
    for (; first_ < marks_.size() && marks_[first_].until <= sent_; ++first_)
      handle(marks_[first_].due);
    if (first_ != before) tidy();
  }

  /// The marks that are not due yet. Valid until the next change.
  [[nodiscard]] std::span<const mark> pending() const noexcept {
    return std::span{marks_}.subspan(first_);
  }
  /// Gives unused memory back.
  void shrink() {
    if (pending().empty()) marks_ = {};
  }

 private:
  /// Memory for this many marks is kept when no mark is left.
  static constexpr std::size_t kept = 64;

  /// Removes the marks that were passed, if they are half of all or more: then no more marks are
  /// moved than removed.
  void tidy() {
    if (first_ < marks_.size() - first_) return;
    marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
    if (marks_.capacity() > kept) shrink();
  }

  std::uint64_t queued_ = 0;
  std::uint64_t sent_ = 0;
  std::vector<mark> marks_;
  /// The first mark that is not due; the marks before it were passed.
  std::size_t first_ = 0;
};

}  // namespace mtp::actors
