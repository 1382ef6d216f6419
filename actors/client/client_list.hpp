// The client_conns of one reactor, so that they can be counted, shown and stopped. Used only by
// that reactor's thread.
#pragma once

#include <cstddef>
#include <utility>

namespace mtp::actors {

class client_conn;

/// A client_conn's place in its reactor's list.
struct client_hook {
  client_hook* prev = this;
  client_hook* next = this;
  client_conn* handler = nullptr;
};

/// A ring that client_conns join when they start and leave when they end.
class client_list {
 public:
  client_list() = default;
  client_list(const client_list&) = delete;
  client_list& operator=(const client_list&) = delete;
  client_list(client_list&&) = delete;
  client_list& operator=(client_list&&) = delete;
  ~client_list() = default;

  void join(client_hook& hook) noexcept {
    hook.prev = head_.prev;
    hook.next = &head_;
    head_.prev->next = &hook;
    head_.prev = &hook;
    ++size_;
  }
  void leave(client_hook& hook) noexcept {
    hook.prev->next = hook.next;
    hook.next->prev = hook.prev;
    hook.prev = hook.next = &hook;
    --size_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Null if the list is empty.
  [[nodiscard]] client_conn* front() const noexcept { return head_.next->handler; }
  /// Calls `look` with each client_conn, in the order in which they joined. None may join or leave
  /// meanwhile.
  template <class Look>
  void for_each(Look&& look) const {
    for (const auto* at = head_.next; at != &head_; at = at->next)
      look(*at->handler);
  }

 private:
  client_hook head_;
  std::size_t size_ = 0;
};

}  // namespace mtp::actors
