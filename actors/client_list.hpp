// The client handlers of one reactor, so that they can be counted, shown and stopped. Used only by
// that reactor's thread.
#pragma once

#include <cstddef>
#include <utility>

namespace mtp::actors {

class client_handler;

/// A handler's place in its reactor's list.
struct client_link {
  client_link* prev = this;
  client_link* next = this;
  client_handler* handler = nullptr;
};

/// A ring that handlers join when they start and leave when they end.
class client_list {
 public:
  client_list() = default;
  client_list(const client_list&) = delete;
  client_list& operator=(const client_list&) = delete;
  client_list(client_list&&) = delete;
  client_list& operator=(client_list&&) = delete;
  ~client_list() = default;

  void join(client_link& link) noexcept {
    link.prev = head_.prev;
    link.next = &head_;
    head_.prev->next = &link;
    head_.prev = &link;
    ++size_;
  }
  void leave(client_link& link) noexcept {
    link.prev->next = link.next;
    link.next->prev = link.prev;
    link.prev = link.next = &link;
    --size_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Null if the list is empty.
  [[nodiscard]] client_handler* front() const noexcept { return head_.next->handler; }
  /// Calls `look` with each handler, in the order in which they joined. None may join or leave
  /// meanwhile.
  template <class Look>
  void for_each(Look&& look) const {
    for (const auto* at = head_.next; at != &head_; at = at->next)
      look(*at->handler);
  }

 private:
  client_link head_;
  std::size_t size_ = 0;
};

}  // namespace mtp::actors
