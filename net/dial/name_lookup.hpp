// Addresses of a host, asked for in a thread of its own: a name server may be silent for long, and
// a reactor must not wait for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "codecs/base/address.hpp"
#include "net/loop/reactor.hpp"

namespace mtp::net {

/// One question. Of its reactor's thread; may be destroyed at any moment, also by its callback. The
/// thread is left to itself then and ends when the name server has answered, or not.
class name_lookup {
 public:
  /// Addresses with the port that was asked for, at least one and at most 8, in the order in which
  /// they should be tried; or what the resolver said.
  using answer = tl::expected<std::vector<endpoint>, std::string>;
  using callback = std::function<void(answer)>;

  /// `done` is called once, from the reactor's loop. Throws std::system_error if there is no thread
  /// or descriptor to be had.
  name_lookup(reactor& home, const std::string& host, std::uint16_t port, callback done);
  name_lookup(const name_lookup&) = delete;
  name_lookup& operator=(const name_lookup&) = delete;
  name_lookup(name_lookup&&) = delete;
  name_lookup& operator=(name_lookup&&) = delete;
  ~name_lookup();

  static constexpr std::size_t max_addresses = 8;

 private:
  class waiter;

  reactor* home_;
  std::unique_ptr<waiter> waiter_;
};

}  // namespace mtp::net
