#include <algorithm>

#include "bench/load_fleet.hpp"

namespace mtp::bench {

namespace {

using namespace std::chrono_literals;

class closed_loop final : public load_fleet {
 public:
  closed_loop(const load_options& options, request_maker request)
      : load_fleet{options}, request_{request} {}

 private:
  void on_established(load_client&) override {
    if (established() < options().connections) return;
    begin_if_warm();
    for (const auto& client : clients())
      ask(*client);
  }

  void on_request_done(load_client& client, const expected_answer& answer) override {
    ++done_;
    if (measured().began()) {
      if (measured().requests() < options().requests) {
        measured().add(load_clock::now() - answer.asked, options().size);
        if (measured().requests() == options().requests) measured().end();
      }
    } else {
      begin_if_warm();
    }
    ask(client);
    if (done_ == asked_) finish();
  }

  void begin_if_warm() {
    if (!measured().began() && done_ >= options().warm_up) measured().begin();
  }

  void ask(load_client& client) {
    if (options().batch && client.outstanding() > 0) return;
    bool any = false;
    // No client falls silent before the last measured request is answered.
    while (measured().requests() < options().requests &&
           client.outstanding() < options().outstanding) {
      request_(client, options().size, load_clock::now());
      ++asked_;
      any = true;
    }
    if (any) client.flush();
  }

  request_maker request_;
  std::uint64_t asked_ = 0;
  std::uint64_t done_ = 0;
};

class paced final : public load_fleet {
 public:
  using load_fleet::load_fleet;

 private:
  void on_established(load_client&) override {
    if (established() < options().connections) return;
    begin_ = load_clock::now() + 10ms;
    wake_at(begin_);
  }

  [[nodiscard]] load_clock::time_point due(std::uint64_t number) const {
    return begin_ + std::chrono::nanoseconds{static_cast<std::int64_t>(
                        1e9 * static_cast<double>(number) / options().rate)};
  }

  void on_wake() override {
    const auto all = options().warm_up + options().requests;
    for (const auto now = load_clock::now(); asked_ < all && due(asked_) <= now; ++asked_) {
      if (asked_ == options().warm_up) measured().begin();
      auto& client = *clients()[asked_ % clients().size()];
      client.ask_echo(options().size, due(asked_));
      client.flush();
    }
    if (asked_ < all) wake_at(due(asked_));
  }

  void on_request_done(load_client&, const expected_answer& answer) override {
    if (measured().began() && answer.asked >= due(options().warm_up))
      measured().add(load_clock::now() - answer.asked, options().size);
    if (++done_ < options().warm_up + options().requests) return;
    measured().end();
    finish();
  }

  load_clock::time_point begin_;
  std::uint64_t asked_ = 0;
  std::uint64_t done_ = 0;
};

class storm final : public load_fleet {
 public:
  explicit storm(const load_options& options) : load_fleet{options} {
    if (options.warm_up == 0) measured().begin();
  }

 private:
  void on_established(load_client& client) override {
    if (measured().began()) measured().add(load_clock::duration{}, options().size);
    if (established() == options().warm_up) measured().begin();
    retire(client);
    if (established() < options().connections) return;
    measured().end();
    finish();
  }
  void on_request_done(load_client&, const expected_answer&) override {}
};

class idle final : public load_fleet {
 public:
  using load_fleet::load_fleet;

 private:
  void on_established(load_client&) override {
    if (established() == options().connections) wake_at(load_clock::now() + settling_time);
  }
  void on_request_done(load_client&, const expected_answer&) override {}

  void on_wake() override {
    if (measured().began()) return stop();
    expect_silence();
    measured().note_memory_after(options().connections);
    measured().begin();
    if (options().hold > 0ms)
      wake_at(load_clock::now() + options().hold);
    else
      watch_input();
  }
  void on_line() override { stop(); }

  void stop() {
    measured().end();
    finish();
  }

  /// What the last connections left to do is done by then.
  static constexpr auto settling_time = 1s;
};

}  // namespace

std::unique_ptr<load_fleet> make_closed_loop(const load_options& options, request_maker request) {
  return std::make_unique<closed_loop>(options, request);
}

std::unique_ptr<load_fleet> make_paced(const load_options& options) {
  return std::make_unique<paced>(options);
}

std::unique_ptr<load_fleet> make_storm(const load_options& options) {
  return std::make_unique<storm>(options);
}

std::unique_ptr<load_fleet> make_idle(const load_options& options) {
  return std::make_unique<idle>(options);
}

}  // namespace mtp::bench
