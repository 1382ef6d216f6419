// What a front must not do, and what a back agent makes of it.
#include "actors/node_link/link_events.hpp"
#include "tests/actors/node_link/link_fixture.hpp"

namespace mtp::actors {
namespace {

/// Talks to a back agent as its partner would.
struct rogue_front : link_fixture {
  using frames = std::vector<stream_frame>;

  test::inbox<link_blob> partner{node.system()};
  test::inbox<link_broken> told{node.system()};
  static constexpr std::uint64_t session = 5;
  caf::actor agent;

  rogue_front() {
    agent = net::spawn_pinned<back_agent>(
        *node.core.reactors[0], std::ref(node.link),
        back_agent_options{
            .session = session, .front = partner.handle(), .gateway = told.handle()});
    node.settle();
  }
  rogue_front(const rogue_front&) = delete;
  rogue_front& operator=(const rogue_front&) = delete;
  rogue_front(rogue_front&&) = delete;
  rogue_front& operator=(rogue_front&&) = delete;
  ~rogue_front() { kill(agent); }

  void say(const frames& sent, std::uint64_t taken = 0) {
    bytes blob;
    begin_stream_blob({.session = session, .taken = taken}, blob);
    for (const auto& frame : sent)
      encode_stream_frame(frame, blob);
    caf::anon_send(agent, link_blob{std::string{blob.begin(), blob.end()}});
    node.settle();
  }
  void open_stream_of(stream_id id) { say({{id, stream::open{.dc = tested_dc}}}); }
  [[nodiscard]] bool ended() { return !told.all<link_broken>().empty(); }
};

TEST_CASE_FIXTURE(rogue_front,
                  "rogue front: a stream number that was used before ends the session") {
  open_stream_of(7);
  open_stream_of(8);
  CHECK_FALSE(ended());
  SUBCASE("again") {
    open_stream_of(8);
  }
  SUBCASE("an older one") {
    say({{7, stream::close{}}});
    open_stream_of(7);
  }
  REQUIRE(ended());
  CHECK(told.all<link_broken>()[0].session == session);
  CHECK(dc.all<open_stream>().size() == 2);
  // Those there were are given back.
  CHECK(dc.all<cancel_stream>().size() == 2);
}

TEST_CASE_FIXTURE(rogue_front, "rogue front: more data than there is credit for ends the session") {
  open_stream_of(7);
  caf::anon_send(agent, stream_opened{local(), dc.handle()});
  node.settle();
  std::size_t sent = 0;
  while (!ended() && sent < (std::size_t{64} << 20U)) {
    say({{7, packet(100'000)}});
    sent += 100'000;
  }
  CHECK(ended());
  CHECK(sent > client_window);
  CHECK(sent < 4 * (client_window + max_client_packet));
}

TEST_CASE_FIXTURE(rogue_front,
                  "rogue front: pieces of packets cost credit before these are whole") {
  const auto part = [&](stream_id id, std::uint32_t total, std::size_t size) {
    bytes blob;
    begin_stream_blob({.session = session, .taken = 0}, blob);
    const bytes content(size, 0x11);
    encode_stream_part(id, {.total = total, .quick_ack = false, .content = content}, blob);
    caf::anon_send(agent, link_blob{std::string{blob.begin(), blob.end()}});
    node.settle();
  };
  open_stream_of(7);
  SUBCASE("one larger than any of a client") {
    part(7, max_client_packet + 4, 1000);
  }
  SUBCASE("many streams, each with half a packet") {
    for (stream_id id = 8; !ended() && id < 5000; ++id) {
      open_stream_of(id);
      for (int i = 0; !ended() && i < 5; ++i)
        part(id, 900'000, 100'000);
    }
    CHECK(node.core.memory.held() < std::size_t{200} * 1024 * 1024);
  }
  CHECK(ended());
}

TEST_CASE_FIXTURE(rogue_front,
                  "rogue front: what it can't have taken, and garbage, end the session") {
  SUBCASE("taken") {
    say({}, 1);
  }
  SUBCASE("garbage") {
    caf::anon_send(agent, link_blob{std::string("\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff", 17)});
    node.settle();
  }
  CHECK(ended());
}

TEST_CASE_FIXTURE(rogue_front,
                  "rogue front: frames of no stream, and acks of nothing, mean nothing") {
  say({{99, packet(8)}, {99, stream::ack{1000, 1000}}, {99, stream::close{}}});
  open_stream_of(100);
  say({{100, packet(8)}, {100, stream::ack{1000, 1000}}});
  CHECK_FALSE(ended());
  CHECK(at_dc().empty());
}

TEST_CASE_FIXTURE(rogue_front, "rogue front: what only a DC may say means nothing") {
  open_stream_of(100);
  caf::anon_send(agent, stream_opened{local(), dc.handle()});
  node.settle();
  say({{100, stream::opened{2}},
       {100, stream::quick_ack{1}},
       {100, stream::migrate{}},
       {100, stream::refused{refusal::too_slow}}});
  CHECK_FALSE(ended());
  CHECK(at_dc().empty());
  // The stream goes on.
  say({{100, packet(8)}});
  CHECK(at_dc() == dc_frames{{local(), packet(8)}});
}

TEST_CASE_FIXTURE(rogue_front,
                  "back agent: when it ends, streams whose answers did not go are refused") {
  // This front confirms nothing: after a while, answers wait.
  for (const stream_id id : {7, 8})
    open_stream_of(id);
  std::vector<stream_id> locals;
  for (const auto& asked : dc.all<open_stream>()) {
    locals.push_back(asked.stream);
    caf::anon_send(agent, stream_opened{asked.stream, dc.handle()});
  }
  node.settle();
  for (const auto& [to, size] : {std::pair{locals[1], 1000}, std::pair{locals[0], 400'000}})
    caf::anon_send(agent, frame_to_client{to, packet(static_cast<std::size_t>(size))});
  node.settle();
  caf::anon_send_exit(agent, caf::exit_reason::user_shutdown);
  node.settle();
  client_frames ends;
  for (const auto& blob : partner.all<link_blob>()) {
    stream_blob_reader in{as_bytes(blob.content)};
    for (auto item = in.next(); item && *item; item = in.next())
      if (auto* const event = std::get_if<stream::event>(&(*item)->content))
        if (const auto heard = as_to_client(std::move(*event)); heard && ends_stream(*heard))
          ends.push_back({(*item)->stream, *heard});
  }
  CHECK(ends == client_frames{{7, stream::refused{refusal::migrating}}});
}

}  // namespace
}  // namespace mtp::actors
