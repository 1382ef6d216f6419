// A client of the pool's model. It behaves as client_conn does, and writes down what happens to it.
#pragma once

#include <map>

#include "actors/core/names.hpp"
#include "actors/core/node_core.hpp"
#include "actors/uplink/uplink.hpp"
#include "net/loop/pinned_actor.hpp"

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
  /// It asks first where it has reserved already, if it has.
  model_client(caf::actor_config& cfg, net::reactor& home, node_core& core, uplink& way,
               client_record& record, reservation held)
      : pinned_actor{cfg, home},
        core_{&core},
        uplink_{&way},
        record_{&record},
        held_{std::move(held)} {}

 private:
  caf::behavior start() override {
    ask(false);
    return {[this](const stream_opened& opened) {
      ++record_->answers[opened.stream];
      if (opened.stream != record_->stream) {
        caf::anon_send(opened.conn, frame_from_client{opened.stream, stream::close{}});
        return;
      }
      record_->now = client_record::state::is_open;
      record_->conn = opened.conn;
    }};
  }
  void ask(bool migrating) {
    record_->now = client_record::state::waits;
    record_->stream = core_->next_stream(home().index());
    open_stream order{.stream = record_->stream,
                      .client = caf::actor{this},
                      .request = {.dc = modelled_dc, .kind = {}, .tag = {}, .migrating = migrating},
                      .reactor = home().index()};
    auto reserved = std::exchange(held_, {});
    if (!reserved) reserved = *uplink_->reserve(order.request, order.reactor);
    if (!reserved) return;  // the pool has been killed: the end of the world
    asked_ = std::move(reserved).redeem(order);
    request(asked_, caf::infinite, std::move(order))
        .then([] {},
              [this, migrating, asked = record_->stream](const caf::error&) {
                if (record_->stream != asked || record_->now != client_record::state::waits) return;
                // A client_conn waits until the pool has withdrawn a connection that crashed.
                held_ = reservation{core_->names.find(names::dc_pool(modelled_dc))};
                ask(migrating);
              });
  }
  bool on_message(caf::mailbox_element& x) override {
    const auto* const frame = net::message_as<frame_to_client>(x);
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
      caf::anon_send(asked_, cancel_stream{record_->stream});
    else if (record_->now == client_record::state::is_open)
      caf::anon_send(record_->conn, frame_from_client{record_->stream, stream::close{}});
    record_->now = client_record::state::over;
    record_->conn = nullptr;
    asked_ = nullptr;
  }

  node_core* core_;
  uplink* uplink_;
  client_record* record_;
  reservation held_;
  caf::actor asked_;
};

}  // namespace mtp::actors
