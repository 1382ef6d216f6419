// The start of a fake-TLS connection: sizes of pieces (4 bytes), then the stream. The hello must be
// the same as at once.
#include "codecs/client/tls_client_hello.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

constexpr mtp::secret16 secret{1, 2, 3};

mtp::decoded<mtp::client_hello_bytes> assemble(const std::vector<mtp::bytes>& pieces) {
  mtp::client_hello_assembler assembler;
  mtp::bytes received;
  mtp::decoded<mtp::client_hello_bytes> got = std::nullopt;
  for (const auto& piece : pieces) {
    mtp::append(received, piece);
    got = assembler.next(received);
    if (!got || *got) return got;
    FUZZ_REQUIRE(received.size() <= 6 * mtp::max_client_hello);
  }
  return got;
}

void read_hello(mtp::bytes record) {
  const auto hello = mtp::read_client_hello(record);
  FUZZ_REQUIRE(hello.session_id.size() <= 32);
  for (const auto suite : hello.suites)
    FUZZ_REQUIRE(suite >= 0x1301 && suite <= 0x1303);
  const auto parsed = mtp::parse_client_hello(record);
  FUZZ_REQUIRE(parsed || parsed.error() == mtp::errc::tls_bad_client_hello);
  if (parsed) FUZZ_REQUIRE(parsed->sni == hello.sni);
  static_cast<void>(mtp::check_client_digest(record, secret));
  if (record.size() < mtp::client_random_at + mtp::client_random_size) return;
  mtp::sign_client_hello(record, secret, 12345);
  FUZZ_REQUIRE(mtp::check_client_digest(record, secret) == 12345U);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto sizes = mtp::fuzz::take_bytes(in, 4);
  const auto whole = assemble({mtp::to_bytes(in)});
  const auto cut = assemble(mtp::fuzz::cut(in, sizes));
  FUZZ_REQUIRE(cut.has_value() == whole.has_value());
  // Not only what the assembler takes: the parser must stand anything.
  read_hello(mtp::to_bytes(in));
  if (!whole) return 0;
  FUZZ_REQUIRE(in.empty() || cut->has_value() == whole->has_value());
  if (!*whole) return 0;
  FUZZ_REQUIRE((*cut)->record == (*whole)->record);
  FUZZ_REQUIRE((*cut)->consumed == (*whole)->consumed && (*cut)->consumed <= in.size());
  FUZZ_REQUIRE((*whole)->record.size() <= mtp::max_client_hello);
  FUZZ_REQUIRE(mtp::looks_like_client_hello((*whole)->record));
  read_hello((*whole)->record);
  return 0;
}
