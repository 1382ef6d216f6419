#include "codecs/base/field_reader.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::check_property;

TEST_CASE("field_reader: fields of each kind, in order") {
  const bytes input{0x01,                    // a byte
                    0x02, 0x03,              // little-endian 0x0302
                    0x04, 0x05, 0x06,        // big-endian 0x040506
                    0x00, 0x02, 0xaa, 0xbb,  // vector of 2 bytes
                    0x0a, 0x0b, 0x0c,        // array of 3
                    0x0d};                   // what is left
  field_reader in{input};
  CHECK(in.le<std::uint8_t>() == 1);
  CHECK(in.le<std::uint16_t>() == 0x0302);
  CHECK(in.be(3) == 0x040506);
  CHECK(to_bytes(in.be_vector(2)) == bytes{0xaa, 0xbb});
  CHECK(in.array<3>() == std::array<std::uint8_t, 3>{10, 11, 12});
  CHECK(in.ok());
  CHECK_FALSE(in.at_end());
  CHECK_FALSE(in.complete());
  CHECK(to_bytes(in.take(1)) == bytes{13});
  CHECK(in.at_end());
  CHECK(in.complete());
}

TEST_CASE("field_reader: after a field that does not fit, everything is empty or zero") {
  const bytes input{1, 2, 3, 4, 5};
  field_reader in{input};
  CHECK(in.le<std::uint32_t>() == 0x0403'0201);
  CHECK(in.le<std::uint16_t>() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.le<std::uint8_t>() == 0);  // would have fitted before
  CHECK(in.be(1) == 0);
  CHECK(in.take(1).empty());
  CHECK(in.take(0).empty());
  CHECK(in.array<2>() == std::array<std::uint8_t, 2>{});
  CHECK(in.at_end());
  CHECK_FALSE(in.complete());
}

TEST_CASE("field_reader: a vector whose count is larger than what follows does not fit") {
  const bytes input{0xff, 0xff, 1, 2, 3};
  field_reader in{input};
  CHECK(in.be_vector(2).empty());
  CHECK_FALSE(in.ok());
}

TEST_CASE("field_reader: an empty vector fits") {
  const bytes input{0x00};
  field_reader in{input};
  CHECK(in.be_vector(1).empty());
  CHECK(in.complete());
}

TEST_CASE("field_reader: an impossible value ends the reading too") {
  const bytes input{1, 2, 3};
  field_reader in{input};
  in.fail();
  CHECK_FALSE(in.ok());
  CHECK(in.le<std::uint8_t>() == 0);
  CHECK_FALSE(in.complete());
}

TEST_CASE("field_reader: any sequence of takes gives the input, or fails at its end") {
  check_property([] {
    const auto input = *any_bytes();
    const auto sizes =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 40));
    field_reader in{input};
    bytes taken;
    std::size_t asked = 0;
    for (const auto size : sizes) {
      asked += size;
      append(taken, in.take(size));
      RC_ASSERT(in.ok() == (asked <= input.size()));
    }
    RC_ASSERT(taken.size() <= input.size());
    RC_ASSERT(std::equal(taken.begin(), taken.end(), input.begin()));
    RC_ASSERT(in.complete() == (asked == input.size()));
  });
}

}  // namespace
}  // namespace mtp
