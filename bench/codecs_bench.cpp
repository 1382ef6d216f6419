// CPU time of the codecs a packet takes on its way, by Google Benchmark: `make bench-micro`.
// Arguments are packet sizes: 256 B is a typical request, 16 KiB a slice of a download.
#include <benchmark/benchmark.h>

#include "codecs/client/client_handshake.hpp"
#include "codecs/client/cover_profile.hpp"
#include "codecs/telegram/rpc.hpp"
#include "codecs/telegram/rpc_stream.hpp"

namespace {

using namespace mtp;

constexpr key32 key{1, 2, 3};
constexpr iv16 iv{4, 5, 6};
constexpr secret16 secret{7, 8, 9};
constexpr cipher_key stream_key{.key = key, .iv = iv};
/// Packets in one read of a socket.
constexpr int packets_per_read = 8;

bytes packet_of(const benchmark::State& state) {
  return bytes(static_cast<std::size_t>(state.range(0)), 0x5a);
}

void count(benchmark::State& state, std::int64_t packets_per_iteration) {
  const auto packets = static_cast<std::int64_t>(state.iterations()) * packets_per_iteration;
  state.SetItemsProcessed(packets);
  state.SetBytesProcessed(packets * state.range(0));
}

// -- the client's side of the proxy ---------------------------------------------------------------

void client_decode(benchmark::State& state, framing kind) {
  const auto packet = packet_of(state);
  const bytes padding(kind == framing::padded ? max_padding : 0);
  bytes stream;
  encode_frame(kind, packet, padding, stream);
  for (auto _ : state)
    benchmark::DoNotOptimize(decode_frame(kind, stream));
  count(state, 1);
}

void client_encode(benchmark::State& state, framing kind) {
  const auto packet = packet_of(state);
  const bytes padding(kind == framing::padded ? max_padding : 0);
  bytes encoded;
  for (auto _ : state) {
    encoded.clear();
    encode_frame(kind, packet, padding, encoded);
    benchmark::DoNotOptimize(encoded.data());
  }
  count(state, 1);
}

/// From what a socket gave to packets: records, cipher and frames.
void client_read(benchmark::State& state, envelope outer) {
  const auto packet = packet_of(state);
  obfuscated_writer client{aes_ctr{key, iv}, outer};
  for (int i = 0; i < packets_per_read; ++i) {
    encode_frame(framing::padded, packet, {}, client.plain());
  }
  const auto wire = client.take();
  // The key stream does not fit from the second round on, so frames are not looked for: what is
  // timed is what every byte costs before that.
  obfuscated_reader reader{aes_ctr{key, iv}, outer};
  for (auto _ : state) {
    auto read = wire;
    benchmark::DoNotOptimize(reader.feed(read));
    reader.consume(reader.view().size());
    reader.close();
  }
  count(state, packets_per_read);
}

void client_write(benchmark::State& state, envelope outer) {
  const auto packet = packet_of(state);
  obfuscated_writer writer{aes_ctr{key, iv}, outer};
  for (auto _ : state) {
    for (int i = 0; i < packets_per_read; ++i) {
      encode_frame(framing::padded, packet, {}, writer.plain());
    }
    benchmark::DoNotOptimize(writer.take());
  }
  count(state, packets_per_read);
}

// -- the middle proxy's side ----------------------------------------------------------------------

void rpc_write(benchmark::State& state, checksum kind) {
  const auto packet = packet_of(state);
  const rpc::client_info client{.client = {{}, 443}, .proxy = {{}, 443}, .tag = rpc::ad_tag{}};
  rpc::stream_writer writer;
  writer.encrypt_with(stream_key);
  writer.use(kind);
  bytes header;
  for (auto _ : state) {
    for (int i = 0; i < packets_per_read; ++i) {
      header.clear();
      rpc::encode_proxy_req_header(client, i, false, packet, header);
      writer.write(header, packet);
    }
    benchmark::DoNotOptimize(writer.take());
  }
  count(state, packets_per_read);
}

void rpc_read(benchmark::State& state, checksum kind) {
  const auto packet = packet_of(state);
  rpc::stream_writer dc;
  dc.encrypt_with(stream_key);
  dc.use(kind);
  for (int i = 0; i < packets_per_read; ++i) {
    bytes body;
    rpc::encode_proxy_ans(i, packet, body);
    dc.write(body);
  }
  const auto wire = dc.take();
  for (auto _ : state) {
    // Frame numbers and the cipher's chain begin anew, so a reader serves one round.
    rpc::stream_reader reader;
    reader.decrypt_with(stream_key);
    reader.use(kind);
    auto read = wire;
    reader.feed(read);
    for (int i = 0; i < packets_per_read; ++i) {
      const auto body = reader.next();
      if (!body || !*body) return state.SkipWithError("a frame was not read");
      benchmark::DoNotOptimize(rpc::decode_from_dc(**body));
    }
    reader.close();
  }
  count(state, packets_per_read);
}

// -- once per connection --------------------------------------------------------------------------

void fake_tls_handshake(benchmark::State& state) {
  const std::array<std::uint8_t, client_hello_random_size> random{};
  const auto hello = make_client_hello(secret, "www.example.org", 1'800'000'000, random);
  const auto profile = default_cover_profile(secret);
  bytes encrypted;
  for (auto _ : state) {
    client_handshake handshake{{.secret = secret, .per_sni_salt = {}}};
    const auto step = handshake.feed(hello);
    if (!step) return state.SkipWithError("the hello was refused");
    const auto& received = std::get<client_handshake::hello_received>(*step);
    const auto plan = plan_server_flight(profile, *received.hello, 0);
    encrypted.resize(plan.encrypted_size);
    benchmark::DoNotOptimize(
        handshake.answer(plan, {.x25519_key = {}, .mlkem_ciphertext = {}, .encrypted = encrypted}));
  }
}

void obfuscated2_header(benchmark::State& state) {
  const std::array<std::uint8_t, obfuscated2_header_size> random{};
  const auto client = make_obfuscated2(random, secret, framing::padded, 2);
  for (auto _ : state)
    benchmark::DoNotOptimize(accept_obfuscated2(client.header, secret));
}

void middle_keys(benchmark::State& state) {
  const bytes proxy_secret(128);
  const middle_key_input in{.server_nonce = {}, .client_nonce = {}, .secret = proxy_secret};
  for (auto _ : state) {
    benchmark::DoNotOptimize(derive_middle_key(in, key_purpose::client));
    benchmark::DoNotOptimize(derive_middle_key(in, key_purpose::server));
  }
}

}  // namespace

BENCHMARK_CAPTURE(client_decode, abridged, framing::abridged)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_decode, intermediate, framing::intermediate)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_decode, padded, framing::padded)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_encode, abridged, framing::abridged)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_encode, intermediate, framing::intermediate)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_encode, padded, framing::padded)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_read, plain, envelope::none)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_read, tls, envelope::tls)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_write, plain, envelope::none)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(client_write, tls, envelope::tls)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(rpc_write, crc32, checksum::crc32)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(rpc_write, crc32c, checksum::crc32c)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(rpc_read, crc32, checksum::crc32)->Arg(256)->Arg(16384);
BENCHMARK_CAPTURE(rpc_read, crc32c, checksum::crc32c)->Arg(256)->Arg(16384);
BENCHMARK(fake_tls_handshake);
BENCHMARK(obfuscated2_header);
BENCHMARK(middle_keys);
