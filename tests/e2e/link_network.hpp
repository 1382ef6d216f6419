// Two networks of a test's own, one for a front and one for a back, with a link between them that
// can be slow, lossy or dead.
#pragma once

#include "tests/support/network_namespace.hpp"

namespace mtp::test {

class link_network {
 public:
  static constexpr const char* front_ip = "10.77.0.1";
  static constexpr const char* back_ip = "10.77.0.2";

  link_network();
  /// True, and says so, if this machine can't have one.
  [[nodiscard]] static bool left_out();
  [[nodiscard]] const network_namespace& front() const noexcept { return front_; }
  [[nodiscard]] const network_namespace& back() const noexcept { return back_; }

  /// Nothing arrives at that end any more.
  void deafen_front() const { drop(front_, {}); }
  void deafen_back() const { drop(back_, {}); }
  void cut() const {
    deafen_front();
    deafen_back();
  }
  /// Of every 100 packets so many do not arrive, at random, in both directions.
  void lose(int percent) const;
  /// All arrive.
  void heal() const;
  /// Bits a second, in each direction.
  void slow_down(int kbit) const;

 private:
  static void drop(const network_namespace& at, const std::string& condition);

  network_namespace front_;
  network_namespace back_;
};

}  // namespace mtp::test
