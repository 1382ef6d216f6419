// Objects that hold memory for streams and can give some of it back.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstddef>

namespace mtp::actors {

/// Message: memory is short. The memory_guard of the reactor that noticed sends it to all others,
/// and to dc_conns of a reactor whose clients hold too little to make room.
struct memory_is_scarce {};

/// Lives on one reactor and is known to its memory_guard (`node_core::holders`).
class memory_holder {
 public:
  /// Called before a series of the calls below, within one turn. Streams for which less than
  /// `at_least` bytes are held will not be asked for.
  virtual void take_stock(std::size_t at_least) { static_cast<void>(at_least); }
  /// Bytes held for the stream that holds most; 0 if there is none.
  [[nodiscard]] virtual std::size_t largest_held() const { return 0; }
  /// Ends that stream; its client is closed. Returns the bytes that were held for it.
  virtual std::size_t drop_largest() { return 0; }
  /// Ending streams has not freed enough: give up anything else that is possible.
  virtual void relieve() {}

  memory_holder() = default;
  memory_holder(const memory_holder&) = delete;
  memory_holder& operator=(const memory_holder&) = delete;
  memory_holder(memory_holder&&) = delete;
  memory_holder& operator=(memory_holder&&) = delete;

 protected:
  ~memory_holder() = default;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::memory_is_scarce)
