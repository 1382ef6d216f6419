// Timers of one reactor. Arming, cancelling and firing cost the same however many there are. Four
// wheels of 64 slots; a slot is 64 times as long as one of the wheel below (Varghese & Lauck).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace mtp::net {

using steady_clock = std::chrono::steady_clock;

class timer;
class timer_wheel;

/// Is told when its timers are due.
class timer_owner {
 public:
  virtual void on_timer(timer& due) = 0;

 protected:
  ~timer_owner() = default;
};

namespace detail {
/// A ring of timers, or a timer's place in one.
struct timer_hook {
  timer_hook* prev = this;
  timer_hook* next = this;
};
}  // namespace detail

/// A member of whatever needs to be woken. Not armed, it costs nothing. To be used only by its
/// reactor's thread; must not outlive the wheel while armed.
class timer : private detail::timer_hook {
 public:
  explicit timer(timer_owner& owner) noexcept : owner_{&owner} {}
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  timer(timer&&) = delete;
  timer& operator=(timer&&) = delete;
  ~timer() { cancel(); }

  /// Fires once, `delay` from the wheel's present on, give or take a tick; replaces an earlier
  /// arming.
  void arm(timer_wheel& wheel, steady_clock::duration delay);
  void cancel() noexcept;
  [[nodiscard]] bool armed() const noexcept { return wheel_ != nullptr; }

 private:
  friend class timer_wheel;

  timer_owner* owner_;
  timer_wheel* wheel_ = nullptr;
  std::uint64_t deadline_ = 0;
  /// Which ring it is in: level * 64 + slot, or `due`.
  std::uint16_t place_ = 0;
};

class timer_wheel {
 public:
  /// How early or late a timer may fire.
  static constexpr std::chrono::milliseconds tick{8};

  explicit timer_wheel(steady_clock::time_point start) noexcept : start_{start} {}
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  timer_wheel(timer_wheel&&) = delete;
  timer_wheel& operator=(timer_wheel&&) = delete;
  ~timer_wheel();

  /// Advances to `now` and fires the timers that are due. A timer armed from `on_timer` fires in a
  /// later call.
  void advance(steady_clock::time_point now);
  /// How long nothing will be due at least; nothing if no timer is armed.
  [[nodiscard]] std::optional<steady_clock::duration> idle_time(steady_clock::time_point now) const;

 private:
  friend class timer;
  static constexpr unsigned levels = 4;
  static constexpr unsigned slot_bits = 6;
  static constexpr unsigned slots = 1U << slot_bits;
  static constexpr std::uint16_t due = levels * slots;

  [[nodiscard]] std::uint64_t tick_of(steady_clock::time_point at) const noexcept;
  void insert(timer& added) noexcept;
  void remove(timer& removed) noexcept;
  void take_slot(unsigned level, unsigned slot) noexcept;

  steady_clock::time_point start_;
  std::uint64_t present_ = 0;
  std::array<std::array<detail::timer_hook, slots>, levels> rings_;
  /// A bit a slot: whether its ring has timers.
  std::array<std::uint64_t, levels> occupied_{};
  detail::timer_hook due_;
};

}  // namespace mtp::net
