// A server's flight as a client reads it; and the flight that answers the input read as a hello.
#include "codecs/client/cover_profile.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

constexpr mtp::secret16 secret{1, 2, 3};

void check(mtp::byte_view in) {
  const std::array<std::uint8_t, mtp::client_random_size> random{};
  const auto got = mtp::check_server_flight(in, random, secret);
  if (!got || !*got) return;
  FUZZ_REQUIRE(**got <= in.size());
  FUZZ_REQUIRE(mtp::check_server_flight(in.first(**got), random, secret) == **got);
}

void answer(mtp::byte_view record) {
  const auto hello = mtp::read_client_hello(record);
  const auto plan = mtp::plan_server_flight(mtp::default_cover_profile(secret), hello,
                                            static_cast<std::uint32_t>(record.size()));
  const mtp::bytes encrypted(plan.encrypted_size);
  const mtp::server_flight_random random{
      .x25519_key = {}, .mlkem_ciphertext = {}, .encrypted = encrypted};
  const auto flight = mtp::make_server_flight(hello, secret, plan, random);
  FUZZ_REQUIRE(mtp::check_server_flight(flight, hello.random, secret) == flight.size());
  const auto part = mtp::byte_view{flight}.first(record.size() % flight.size());
  const auto waits = mtp::check_server_flight(part, hello.random, secret);
  FUZZ_REQUIRE(waits && !*waits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({data, size});
  answer({data, size});
  return 0;
}
