// A client of the pool's model. It behaves as client_conn does, and writes down what happens to it.
#pragma once

#include <map>

#include "actors/core/node_core.hpp"
#include "actors/uplink/stream_messages.hpp"

namespace mtp::actors {

inline constexpr dc_id modelled_dc = 2;

struct client_record {
  enum class state : std::uint8_t { waits, is_open, over };
  unsigned reactor = 0;
  state now = state::waits;
  stream_id stream = 0;
  caf::actor handle;
  caf::actor conn;
  /// Connections that told it to migrate.
  std::vector<caf::actor> left;
  /// Answers that each of its streams has had to being opened.
  std::map<stream_id, int> answers;
};

class model_client final : public net::pinned_actor {
 public:
  model_client(caf::actor_config& cfg, net::reactor& home, node_core& core, caf::actor pool,
               client_record& record)
      : pinned_actor{cfg, home}, core_{&core}, pool_{std::move(pool)}, record_{&record} {}

 private:
  caf::behavior start() override {
    ask(false);
    return {[this](const stream_opened& opened) {
      ++record_->answers[opened.stream];
      if (opened.stream != record_->stream) {
        caf::anon_send(opened.conn, stream_frame{opened.stream, stream::close{}});
        return;
      }
      record_->now = client_record::state::is_open;
      record_->conn = opened.conn;
    }};
  }
  void ask(bool migrating) {
    record_->now = client_record::state::waits;
    record_->stream = core_->next_stream(home().index());
    caf::anon_send(
        pool_,
        open_stream{.stream = record_->stream,
                    .client = caf::actor{this},
                    .request = {.dc = modelled_dc, .kind = {}, .tag = {}, .migrating = migrating},
                    .reactor = home().index()});
  }
  bool on_message(caf::mailbox_element& x) override {
    const auto* const frame = net::message_as<stream_frame>(x);
    if (frame == nullptr) return false;
    if (frame->stream != record_->stream) return true;
    const bool was_open = record_->now == client_record::state::is_open;
    if (!was_open) ++record_->answers[frame->stream];
    if (std::holds_alternative<stream::migrate>(frame->event)) {
      if (was_open) record_->left.push_back(std::exchange(record_->conn, nullptr));
      ask(was_open);
    } else {
      record_->conn = nullptr;
      record_->now = client_record::state::over;
      quit();
    }
    return true;
  }
  void on_due(net::timer&) override {}
  void stopped() override {
    if (record_->now == client_record::state::waits)
      caf::anon_send(pool_, cancel_stream{record_->stream});
    else if (record_->now == client_record::state::is_open)
      caf::anon_send(record_->conn, stream_frame{record_->stream, stream::close{}});
    record_->now = client_record::state::over;
    record_->conn = nullptr;
  }

  node_core* core_;
  caf::actor pool_;
  client_record* record_;
};

}  // namespace mtp::actors
