// The body of an RPC frame, read as the proxy and as the middle proxy reads it. What is read is
// written again.
#include "codecs/telegram/rpc.hpp"

#include "codecs/base/overloaded.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

namespace rpc = mtp::rpc;

void write_from_dc(const rpc::from_dc& message, mtp::byte_view body) {
  mtp::bytes again;
  std::visit(
      mtp::overloaded{
          [&](const rpc::proxy_ans& in) { rpc::encode_proxy_ans(in.id, in.packet, again); },
          [&](const rpc::simple_ack& in) { rpc::encode_simple_ack(in.id, in.confirm, again); },
          [&](const rpc::close_ext& in) { rpc::encode_close_ext(in.id, again); },
          [&](const rpc::ping& in) { rpc::encode_ping(in.id, again); },
          [&](const rpc::pong& in) { rpc::encode_pong(in.id, again); },
          [&](const rpc::unknown&) { again = mtp::to_bytes(body); },
      },
      message);
  // The type may differ (two types close a client), and so may the flags of proxy_ans.
  const std::size_t from = std::holds_alternative<rpc::proxy_ans>(message) ? 8 : 4;
  FUZZ_REQUIRE(again.size() == body.size());
  FUZZ_REQUIRE(std::ranges::equal(mtp::byte_view{again}.subspan(from), body.subspan(from)));
}

void write_to_dc(const rpc::to_dc& message, mtp::byte_view body) {
  mtp::bytes again;
  std::visit(mtp::overloaded{
                 [&](const rpc::proxy_req& in) {
                   const rpc::client_info client{.client = in.client,
                                                 .proxy = in.proxy,
                                                 .kind = mtp::framing::padded,
                                                 .tag = in.tag};
                   rpc::encode_proxy_req_header(client, in.id, false, in.packet, again);
                   FUZZ_REQUIRE(again.size() == (in.tag ? 84U : 56U));
                   mtp::append(again, in.packet);
                   const auto got = rpc::decode_to_dc(again);
                   FUZZ_REQUIRE(got && std::holds_alternative<rpc::proxy_req>(*got));
                   const auto& read = std::get<rpc::proxy_req>(*got);
                   FUZZ_REQUIRE(read.id == in.id && read.tag == in.tag);
                   FUZZ_REQUIRE(read.client == in.client && read.proxy == in.proxy);
                   FUZZ_REQUIRE(std::ranges::equal(read.packet, in.packet));
                 },
                 [&](const rpc::close_conn& in) {
                   rpc::encode_close_conn(in.id, again);
                   FUZZ_REQUIRE(std::ranges::equal(again, body));
                 },
                 [&](const rpc::ping& in) {
                   rpc::encode_ping(in.id, again);
                   FUZZ_REQUIRE(std::ranges::equal(again, body));
                 },
                 [&](const rpc::pong& in) {
                   rpc::encode_pong(in.id, again);
                   FUZZ_REQUIRE(std::ranges::equal(again, body));
                 },
             },
             message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mtp::byte_view body{data, size};
  if (const auto message = rpc::decode_from_dc(body)) write_from_dc(*message, body);
  if (const auto message = rpc::decode_to_dc(body)) write_to_dc(*message, body);
  return 0;
}
