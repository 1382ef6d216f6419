// A round of measuring a cover site, and its profile on disk.
#include "actors/client/cover_round.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "actors/client/cover_profile_files.hpp"
#include "tests/support/process.hpp"

namespace mtp::actors {
namespace {

observed_flight answer(std::uint16_t size) {
  observed_flight flight{.kind = flight_kind::tls13,
                         .version = 0x0304,
                         .suite = 0x1301,
                         .group = group_x25519,
                         .session_id_echoed = true,
                         .change_cipher_spec = true};
  flight.extensions.push_back(0x002b);
  flight.extensions.push_back(0x0033);
  flight.records.push_back(size);
  return flight;
}

TEST_CASE("cover round: five hellos of each shape, in turns") {
  cover_round round;
  std::array<int, hello_shapes> asked{};
  for (std::size_t i = 0; const auto shape = round.next(); ++i) {
    CHECK(round.has_all_shapes() == (i >= hello_shapes));
    ++asked.at(static_cast<std::size_t>(*shape));
    round.add(answer(static_cast<std::uint16_t>(1000 + i)));
  }
  CHECK(asked == std::array{5, 5, 5});
  const auto profile = round.profile("site", 42, nullptr);
  CHECK(profile.site == "site");
  CHECK(profile.measured == 42);
  for (const auto& samples : profile.samples)
    CHECK(samples.size() == 5);
  CHECK(can_imitate(profile));
}

TEST_CASE("cover round: it ends soon where nobody answers, and goes on where somebody does") {
  cover_round round;
  for (std::size_t i = 0; i < hello_shapes; ++i) {
    REQUIRE(round.next());
    round.add({});
  }
  CHECK_FALSE(round.next());
  CHECK_FALSE(round.is_answered());
  cover_round other;
  other.add({});
  other.add(answer(1000));
  other.add({});
  CHECK(other.next());
  CHECK(other.is_answered());
}

TEST_CASE(
    "cover round: a site that says what is of no use is no good, and new answers count alone") {
  cover_round bad;
  while (bad.next())
    bad.add({.kind = flight_kind::alert, .alert = 80});
  CHECK(bad.is_answered());
  CHECK_FALSE(bad.is_good());
  CHECK_FALSE(can_imitate(bad.profile("site", 2, nullptr)));
  cover_round good;
  while (good.next())
    good.add(answer(1000));
  const auto before = bad.profile("site", 1, nullptr);
  CHECK(good.profile("site", 2, &before) == good.profile("site", 2, nullptr));
}

TEST_CASE("cover round: a shape that was not answered keeps what was seen before") {
  cover_round first;
  while (first.next())
    first.add(answer(1000));
  const auto before = first.profile("site", 1, nullptr);
  cover_round second;
  while (const auto shape = second.next())
    second.add(*shape == hello_shape::browser ? answer(2000) : observed_flight{});
  const auto after = second.profile("site", 2, &before);
  const auto size_of = [&](hello_shape shape) {
    return *after.samples[static_cast<std::size_t>(shape)].at(0).records.begin();
  };
  CHECK(size_of(hello_shape::browser) == 2000);
  CHECK(size_of(hello_shape::x25519_only) == 1000);
  // What is old in it ages on.
  CHECK(after.measured == 1);
  CHECK(second.is_good());
}

struct stored {
  test::temporary_directory directory;
  cover_profile_files files{directory.path().string()};
  cover_profile profile = [] {
    cover_round round;
    while (round.next())
      round.add(answer(1234));
    return round.profile("a.example@192.0.2.1:443", 1'800'000'000, nullptr);
  }();

  std::filesystem::path only_file() const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry :
         std::filesystem::directory_iterator{directory.path() / "cover-profiles"})
      found.push_back(entry.path());
    REQUIRE(found.size() == 1);
    return found[0];
  }
};

TEST_CASE_FIXTURE(stored, "cover profile files: what was saved is there, for its site") {
  CHECK_FALSE(files.load(profile.site));
  CHECK(files.save(profile) == "");
  CHECK(files.load(profile.site) == profile);
  CHECK_FALSE(files.load("another@192.0.2.1:443"));
  // Under the name of another site it is nobody's.
  auto other = profile;
  other.site = "another@192.0.2.1:443";
  const auto path = only_file();
  CHECK(files.save(other) == "");
  files.keep_only({profile.site});
  CHECK(only_file() == path);
  CHECK(files.load(profile.site));
  CHECK_FALSE(files.load(other.site));
}

TEST_CASE_FIXTURE(stored, "cover profile files: a damaged one is none, and is written anew") {
  REQUIRE(files.save(profile).empty());
  const auto path = only_file();
  std::string whole;
  {
    std::ifstream in{path, std::ios::binary};
    whole.assign(std::istreambuf_iterator<char>{in}, {});
  }
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    std::ofstream{path, std::ios::binary} << whole.substr(0, size);
    CHECK_FALSE(files.load(profile.site));
  }
  std::ofstream{path, std::ios::binary} << std::string(1 << 20, 'x');
  CHECK_FALSE(files.load(profile.site));
  // What a crash has left of the one that was to replace it does not matter.
  std::ofstream{path.string() + ".new", std::ios::binary} << "half";
  CHECK(files.save(profile) == "");
  CHECK(files.load(profile.site) == profile);
}

TEST_CASE_FIXTURE(stored, "cover profile files: why it can't be saved is told") {
  std::ofstream{directory.path() / "cover-profiles"} << "a file";
  CHECK(files.save(profile).find("cover-profiles") != std::string::npos);
  const cover_profile_files nowhere{""};
  CHECK(nowhere.save(profile) == "");
  CHECK_FALSE(nowhere.load(profile.site));
  nowhere.keep_only({});
}

}  // namespace
}  // namespace mtp::actors
