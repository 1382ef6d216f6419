// Who holds memory for streams, besides clients' handlers, and can give some of it back.
#pragma once

#include <cstddef>

namespace mtp::actors {

/// Lives on one reactor and is known to its memory_guard (environment::holders).
class memory_holder {
 public:
  /// Bytes held for the stream that holds most.
  [[nodiscard]] virtual std::size_t largest_held() const = 0;
  /// Ends that stream; its client is closed. Returns the bytes that were held for it.
  virtual std::size_t drop_largest() = 0;

 protected:
  ~memory_holder() = default;
};

}  // namespace mtp::actors
