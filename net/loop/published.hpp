// A value that one thread replaces and all others read: never changed, only replaced as a whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "net/loop/reactor.hpp"

namespace mtp::net {

/// Any thread may use it.
template <class T>
class published {
 public:
  /// `first` must not be null.
  explicit published(std::shared_ptr<const T> first = std::make_shared<const T>())
      : current_{std::move(first)} {}

  /// Never null. The value stays as it is for as long as the result lives.
  [[nodiscard]] std::shared_ptr<const T> get() const {
    const std::lock_guard lock{mutex_};
    return current_;
  }
  /// `next` must not be null.
  void set(std::shared_ptr<const T> next) {
    {
      const std::lock_guard lock{mutex_};
      current_.swap(next);
    }
    generation_.fetch_add(1, std::memory_order_release);
  }
  /// Changes with every `set`, after it.
  [[nodiscard]] std::uint64_t generation() const noexcept {
    return generation_.load(std::memory_order_acquire);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
  std::atomic<std::uint64_t> generation_ = 0;
};

/// One reactor's copy of a published value: looking costs no lock while nothing is new. For that
/// reactor's thread.
template <class T>
class reactor_copy {
 public:
  reactor_copy(const published<T>& source, reactor& home) : source_{&source}, home_{&home} {}

  /// The current value. References into it are good until the reactor's turn ends, also if a newer
  /// value comes meanwhile.
  [[nodiscard]] const T& get() {
    const auto generation = source_->generation();
    if (copy_ == nullptr || generation != generation_) {
      generation_ = generation;
      if (auto before = std::exchange(copy_, source_->get()))
        home_->destroy_later(std::const_pointer_cast<T>(std::move(before)));
    }
    return *copy_;
  }

 private:
  const published<T>* source_;
  reactor* home_;
  std::shared_ptr<const T> copy_;
  std::uint64_t generation_ = 0;
};

}  // namespace mtp::net
