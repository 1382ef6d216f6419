#include <algorithm>

#include "codecs/client/tls_client_hello.hpp"
#include "tests/codecs/client/client_hellos.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_split;
using test::check_property;
using test::extension;
using test::found;
using test::hello_parts;
using test::hello_secret;
using test::join;
using test::old_client_hello;
using test::old_hello_time;
using test::start_of;
using test::waits;

/// The message of `record` in records of these sizes, the rest in a last one.
bytes in_records(byte_view record, const std::vector<std::size_t>& sizes) {
  bytes records;
  auto rest = record.subspan(5);
  const auto add = [&](std::size_t size) {
    if (size == 0) return;
    // The first record says 03 01, later ones may say 03 03.
    append(records, bytes{0x16, 0x03, static_cast<std::uint8_t>(records.empty() ? 1 : 3)});
    append_be16(records, size);
    append(records, rest.first(size));
    rest = rest.subspan(size);
  };
  for (const auto size : sizes)
    add(std::min(size, rest.size()));
  add(rest.size());
  return records;
}

/// A hello of exactly `size` bytes, filled up by a padding extension.
bytes hello_of_size(std::size_t size) {
  const auto empty = hello_parts{}.record().size();
  return hello_parts{.extensions = extension(0x0015, bytes(size - empty - 4))}.record();
}

void check_refused(byte_view in) {
  client_hello_assembler assembler;
  const auto got = assembler.next(in);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::tls_bad_client_hello);
}

void check_waits(byte_view in) {
  client_hello_assembler assembler;
  const auto got = assembler.next(in);
  CHECK(waits(got));
}

TEST_CASE("assembler: three bytes tell whether TLS begins") {
  CHECK(looks_like_client_hello(bytes{0x16, 0x03, 0x01, 0xff}));
  CHECK(looks_like_client_hello(bytes{0x16, 0x03}));
  CHECK(looks_like_client_hello({}));
  CHECK_FALSE(looks_like_client_hello(bytes{0x17}));
  CHECK_FALSE(looks_like_client_hello(bytes{0x16, 0x02}));
  CHECK_FALSE(looks_like_client_hello(bytes{0x16, 0x03, 0x03}));
}

TEST_CASE("assembler: a hello in one record is that record; what follows stays") {
  const auto hello = old_client_hello();
  client_hello_assembler assembler;
  const auto got = assembler.next(join({hello, bytes{0x14, 0x03, 0x03}}));
  REQUIRE(found(got));
  CHECK((*got)->record == hello);
  CHECK((*got)->consumed == hello.size());
}

TEST_CASE("assembler: byte by byte, it waits until the last one") {
  const auto hello = old_client_hello();
  client_hello_assembler assembler;
  for (std::size_t size = 0; size < hello.size(); ++size) {
    const auto got = assembler.next(start_of(hello, size));
    CHECK(waits(got));
  }
  const auto got = assembler.next(hello);
  REQUIRE(found(got));
  CHECK((*got)->record == hello);
}

TEST_CASE("assembler: records of one byte each are a hello too") {
  const auto hello = old_client_hello();
  const auto stream = in_records(hello, std::vector<std::size_t>(hello.size(), 1));
  REQUIRE(stream.size() == 6 * (hello.size() - 5));
  client_hello_assembler assembler;
  const auto got = assembler.next(stream);
  REQUIRE(found(got));
  CHECK((*got)->record == hello);
  CHECK((*got)->consumed == stream.size());
}

TEST_CASE("assembler: any records in any segments give the same record and digest") {
  check_property([] {
    const auto hello = old_client_hello();
    const auto sizes =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 200));
    const auto stream = in_records(hello, sizes);
    const auto after = *any_bytes();
    client_hello_assembler assembler;
    bytes received;
    std::optional<client_hello_bytes> found;
    for (const auto& segment : *any_split(join({stream, after}))) {
      append(received, segment);
      const auto got = assembler.next(received);
      RC_ASSERT(got.has_value());
      RC_ASSERT(got->has_value() == (received.size() >= stream.size()));
      if (*got) {
        found = **got;
        break;
      }
    }
    RC_ASSERT(found.has_value());
    RC_ASSERT(found->record == hello);
    RC_ASSERT(found->consumed == stream.size());
    RC_ASSERT(check_client_digest(found->record, hello_secret) == old_hello_time);
  });
}

TEST_CASE("assembler: a record header that opens no hello is refused") {
  check_refused(bytes{0x17, 0x03, 0x01, 0x02, 0x00});  // application data
  check_refused(bytes{0x16, 0x02, 0x01, 0x02, 0x00});  // version 02 01
  check_refused(bytes{0x16, 0x03, 0x00, 0x02, 0x00});  // SSL 3
  check_refused(bytes{0x16, 0x03, 0x04, 0x02, 0x00});  //
  check_refused(bytes{0x16, 0x03, 0x01, 0x00, 0x00});  // empty
  check_refused(bytes{0x16, 0x03, 0x01, 0x40, 0x01});  // 16385 bytes: no record has more than 16384
  check_waits(bytes{0x16, 0x03, 0x01, 0x40, 0x00});    // 16384
}

TEST_CASE("assembler: a message that is no ClientHello is refused at its first byte") {
  check_refused(bytes{0x16, 0x03, 0x01, 0x02, 0x00, 0x02});
  check_waits(bytes{0x16, 0x03, 0x01, 0x02, 0x00, 0x01});
}

TEST_CASE("assembler: a later record must be a handshake record with something in it") {
  const auto hello = old_client_hello();
  const auto first = in_records(hello, {100, 1});
  const auto start = byte_view{first}.first(5 + 100);
  check_refused(join({start, bytes{0x14, 0x03, 0x03, 0x00, 0x01}}));
  check_refused(join({start, bytes{0x17, 0x03, 0x03, 0x00, 0x01}}));
  check_refused(join({start, bytes{0x16, 0x03, 0x03, 0x00, 0x00}}));
  check_waits(join({start, bytes{0x16, 0x03, 0x03, 0x00, 0x01}}));
}

TEST_CASE("assembler: more than 16 KiB is refused once it is announced") {
  // A message of 16381 bytes and its header of 4 do not fit in 16384.
  check_refused(bytes{0x16, 0x03, 0x01, 0x40, 0x00,  // a record of 16384 bytes, of which 4 are here
                      0x01, 0x00, 0x3f, 0xfd});
  check_waits(bytes{0x16, 0x03, 0x01, 0x40, 0x00,  //
                    0x01, 0x00, 0x3f, 0xfc});
  // The same in a small record, and in a length that starts in one record and ends in another.
  check_refused(bytes{0x16, 0x03, 0x01, 0x00, 0x10, 0x01, 0xff, 0xff, 0xff});
  check_refused(bytes{0x16, 0x03, 0x01, 0x00, 0x02, 0x01, 0x00,  // 2 bytes of the message
                      0x16, 0x03, 0x03, 0x00, 0x05, 0x3f, 0xfd});
  check_waits(bytes{0x16, 0x03, 0x01, 0x00, 0x02, 0x01, 0x00,  //
                    0x16, 0x03, 0x03, 0x00, 0x05, 0x3f, 0xfc});
}

TEST_CASE("assembler: a record that reaches behind the hello is refused before it is there") {
  check_refused(bytes{0x16, 0x03, 0x01, 0x00, 0x30,  // a record of 48 bytes
                      0x01, 0x00, 0x00, 0x2b});      // a message of 47
  check_waits(bytes{0x16, 0x03, 0x01, 0x00, 0x30,    //
                    0x01, 0x00, 0x00, 0x2c});        // of 48
  auto hello = old_client_hello();
  const auto stream = in_records(hello, {500});  // 12 are missing
  const auto start = byte_view{stream}.first(5 + 500);
  check_refused(join({start, bytes{0x16, 0x03, 0x03, 0x00, 0x0d}}));
  check_waits(join({start, bytes{0x16, 0x03, 0x03, 0x00, 0x0c}}));
}

TEST_CASE("assembler: a hello of exactly 16 KiB is taken, in whatever records") {
  const auto hello = hello_of_size(5 + max_client_hello);
  REQUIRE(hello.size() == 5 + max_client_hello);
  for (const std::size_t size : {1, 1000, 16384}) {
    const auto stream = in_records(hello, std::vector<std::size_t>(hello.size() / size, size));
    client_hello_assembler assembler;
    const auto got = assembler.next(stream);
    REQUIRE(found(got));
    CHECK((*got)->record == hello);
  }
}

TEST_CASE("assembler: what it has taken over need not be kept by the caller") {
  const auto hello = hello_of_size(5 + max_client_hello);
  const auto stream = in_records(hello, std::vector<std::size_t>(hello.size(), 1));
  client_hello_assembler assembler;
  bytes kept;
  std::size_t most = 0;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    kept.push_back(stream[i]);
    most = std::max(most, kept.size());
    const auto got = assembler.next(kept);
    REQUIRE(got);
    if (*got) {
      CHECK((*got)->record == hello);
      CHECK(i + 1 == stream.size());
      CHECK((*got)->consumed == kept.size());
      break;
    }
    const auto taken = assembler.take_consumed();
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  // Records of one byte: 6 bytes each.
  CHECK(most == 6);
}

TEST_CASE("assembler: in any segments, random bytes are refused where they are refused whole") {
  check_property([] {
    auto stream = in_records(old_client_hello(), {*rc::gen::inRange<std::size_t>(1, 20)});
    stream[*rc::gen::inRange<std::size_t>(0, stream.size())] ^= *rc::gen::nonZero<std::uint8_t>();
    const auto whole = client_hello_assembler{}.next(stream);

    client_hello_assembler assembler;
    bytes received;
    decoded<client_hello_bytes> got = std::nullopt;
    for (const auto& segment : *any_split(stream)) {
      append(received, segment);
      got = assembler.next(received);
      if (!waits(got)) break;
    }
    RC_ASSERT(got.has_value() == whole.has_value());
    if (!got) return;
    RC_ASSERT(got->has_value() == whole->has_value());
    if (!*got) return;
    RC_ASSERT((*got)->record == (*whole)->record);
    RC_ASSERT((*got)->consumed == (*whole)->consumed);
  });
}

}  // namespace
}  // namespace mtp
