// What a site sends after a probe: sizes of pieces (4 bytes), then the stream. The flight must be
// the same as at once, stay within its bounds, and give a profile that works.
#include "codecs/client/cover_profile_text.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

const mtp::bytes session_id(32, 0x5e);

struct outcome {
  bool failed = false;
  mtp::observed_flight flight;
  friend bool operator==(const outcome&, const outcome&) = default;
};

outcome read(const std::vector<mtp::bytes>& pieces) {
  mtp::server_flight_reader reader{session_id};
  outcome seen;
  for (const auto& piece : pieces) {
    const auto got = reader.feed(piece);
    FUZZ_REQUIRE(got || got.error() == mtp::errc::tls_bad_server_flight);
    seen.failed = !got;
  }
  seen.flight = reader.finish();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto sizes = mtp::fuzz::take_bytes(in, 4);
  const auto whole = read({mtp::to_bytes(in)});
  FUZZ_REQUIRE(in.empty() || whole == read(mtp::fuzz::cut(in, sizes)));
  FUZZ_REQUIRE(!whole.failed || whole.flight.kind == mtp::flight_kind::broken);
  FUZZ_REQUIRE((whole.flight.kind == mtp::flight_kind::none) == in.empty());

  mtp::cover_profile profile{.site = "example.com:443", .measured = 1};
  mtp::add_sample(profile, mtp::hello_shape::browser, whole.flight);
  FUZZ_REQUIRE(mtp::parse_cover_profile(mtp::to_text(profile)) == profile);
  const mtp::client_hello hello{
      .random = {}, .suites = {0x1303}, .grease = true, .x25519 = true, .x25519_mlkem768 = true};
  const auto plan = mtp::plan_server_flight(profile, hello, 0);
  FUZZ_REQUIRE(plan.suite == 0x1303);
  FUZZ_REQUIRE(plan.encrypted_size >= 1 && plan.encrypted_size <= mtp::max_encrypted_flight);
  FUZZ_REQUIRE(mtp::can_imitate(profile) || !mtp::flaws_of(profile).empty());
  return 0;
}
