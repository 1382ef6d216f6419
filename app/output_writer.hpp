// Output without waiting for its reader: a bounded queue of texts, and a thread that writes them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace mtp::app {

/// For one descriptor. If its reader is stuck, texts are lost, and nothing else.
class output_writer {
 public:
  using clock = std::chrono::steady_clock;
  /// Makes the text that is written in the place of `lost` texts.
  using lost_text = std::function<std::string(std::size_t lost)>;

  /// Writes to `fd` (borrowed). At most `limit` bytes wait, with 32 more for each text: beyond it
  /// the oldest are lost, so that a reader that comes back learns how many are missing and then
  /// what happened last. What can't be written is lost, too. `name` is the thread's, for `top -H`.
  output_writer(int fd, std::size_t limit, const char* name, lost_text tell_lost);
  output_writer(const output_writer&) = delete;
  output_writer& operator=(const output_writer&) = delete;
  output_writer(output_writer&&) = delete;
  output_writer& operator=(output_writer&&) = delete;
  /// Waits until all is written, for as long as that takes: see `finish`.
  ~output_writer();

  /// Any thread; never waits for the reader. Ignored after `finish`.
  void write(std::string text);
  /// Takes no more, and waits until all is written. False at `deadline`: the reader is stuck, and
  /// only the end of the process ends the thread.
  [[nodiscard]] bool finish(clock::time_point deadline);

 private:
  void run();
  void drop_oldest();

  int fd_;
  std::size_t limit_;
  lost_text tell_lost_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_;
  std::deque<std::string> waiting_;
  /// Of `waiting_`.
  std::size_t bytes_ = 0;
  std::size_t lost_ = 0;
  bool finishing_ = false;
  bool has_ended_ = false;
  std::thread thread_;
};

}  // namespace mtp::app
