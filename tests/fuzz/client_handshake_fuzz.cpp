// A client's first bytes, in pieces and at once: options (1 byte), sizes of pieces (4), randomness
// of a header (64), and the rest. Bits 0 and 1 of the options say what the rest is: 0, all that the
// client sends; 1, what follows a good header; else, its hello, which is signed, and a good header
// in a record follows.
#include "codecs/client/client_handshake.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

constexpr mtp::secret16 secret{1, 2, 3};

struct outcome {
  std::optional<mtp::errc> error;
  bool established = false;
  mtp::bytes text;
  friend bool operator==(const outcome&, const outcome&) = default;
};

/// What can be read now, and is.
void take_text(mtp::obfuscated_reader& reader, outcome& into) {
  mtp::append(into.text, reader.view());
  reader.consume(reader.view().size());
  reader.close();
}

outcome connect(std::vector<mtp::bytes> pieces) {
  mtp::client_handshake handshake{{.secret = secret, .per_sni_salt = std::nullopt}};
  std::optional<mtp::client_handshake::established> end;
  outcome seen;
  for (auto& piece : pieces) {
    if (end) {
      const auto fed = end->reader.feed(piece);
      // What came before the bad record was in this piece or an earlier one: no matter which.
      if (!fed) return {.error = fed.error(), .established = true, .text = {}};
      take_text(end->reader, seen);
      continue;
    }
    auto step = handshake.feed(piece);
    if (step && std::holds_alternative<mtp::client_handshake::hello_received>(*step)) {
      const std::array<std::uint8_t, 8> encrypted{};
      FUZZ_REQUIRE(!handshake
                        .answer({.encrypted_size = encrypted.size()},
                                {.x25519_key = {},
                                 .mlkem_ciphertext = {},
                                 .encrypted = mtp::byte_view{encrypted}})
                        .empty());
      step = handshake.feed({});
    }
    if (!step) return {.error = step.error(), .established = false, .text = {}};
    if (auto* done = std::get_if<mtp::client_handshake::established>(&*step)) {
      end.emplace(std::move(*done));
      seen.established = true;
      take_text(end->reader, seen);
    }
  }
  return seen;
}

mtp::bytes stream_of(std::uint8_t options, mtp::byte_view random, mtp::byte_view rest) {
  if ((options & 3) == 0) return mtp::to_bytes(rest);
  auto client = mtp::make_obfuscated2(random.first<mtp::obfuscated2_header_size>(), secret,
                                      mtp::framing::padded, 2);
  auto stream = mtp::to_bytes(rest);
  if ((options & 3) == 1) {
    client.to_server.apply(stream);
    stream.insert(stream.begin(), client.header.begin(), client.header.end());
    return stream;
  }
  if (stream.size() >= mtp::client_random_at + mtp::client_random_size)
    mtp::sign_client_hello(stream, secret, 12345);
  mtp::append_tls_records(client.header, 50, stream);
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto options = mtp::fuzz::take_byte(in);
  const auto sizes = mtp::fuzz::take_bytes(in, 4);
  const auto random = mtp::fuzz::take_bytes(in, mtp::obfuscated2_header_size);
  if (random.size() < mtp::obfuscated2_header_size) return 0;
  const auto stream = stream_of(options, random, in);
  const auto whole = connect({stream});
  const auto cut = connect(mtp::fuzz::cut(stream, sizes));
  // Which error may differ: at once, a bad record is seen before the header in front of it.
  FUZZ_REQUIRE(cut.error.has_value() == whole.error.has_value());
  if (!whole.error) FUZZ_REQUIRE(cut == whole);
  return 0;
}
