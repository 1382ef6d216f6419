#include "codecs/stream_window.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_split;
using test::check_property;

TEST_CASE("stream_window: fresh bytes are parsed where they were read") {
  bytes fresh{1, 2, 3};
  stream_window window;
  const auto where = window.open(fresh);
  CHECK(where.data() == fresh.data());
  CHECK(window.view().data() == fresh.data());
  CHECK(to_bytes(window.view()) == fresh);
  window.consume(2);
  CHECK(to_bytes(window.view()) == bytes{3});
}

TEST_CASE("stream_window: what is unread outlives the buffer it was read into") {
  stream_window window;
  bytes buffer{1, 2, 3};
  window.open(buffer);
  window.consume(1);
  window.close();
  buffer.assign(3, 0xdd);
  CHECK(to_bytes(window.view()) == bytes{2, 3});

  buffer = {4, 5};
  const auto where = window.open(buffer);
  CHECK(to_bytes(where) == bytes{4, 5});
  CHECK(to_bytes(window.view()) == bytes{2, 3, 4, 5});
}

TEST_CASE("stream_window: fresh bytes can be changed where they stand, with or without others") {
  stream_window window;
  bytes buffer{1, 2};
  window.open(buffer)[1] = 0x20;
  CHECK(to_bytes(window.view()) == bytes{1, 0x20});
  window.close();
  bytes more{3, 4};
  window.open(more)[0] = 0x30;
  CHECK(to_bytes(window.view()) == bytes{1, 0x20, 0x30, 4});
  window.writable()[0] = 0x10;
  CHECK(to_bytes(window.view()) == bytes{0x10, 0x20, 0x30, 4});
}

TEST_CASE("stream_window: closing twice keeps what is unread") {
  stream_window window;
  bytes buffer{1, 2, 3};
  window.open(buffer);
  window.consume(1);
  window.close();
  window.close();
  CHECK(to_bytes(window.view()) == bytes{2, 3});
}

TEST_CASE("stream_window: an empty read changes nothing") {
  stream_window window;
  window.open({});
  CHECK(window.view().empty());
  window.close();
  bytes buffer{1};
  window.open(buffer);
  window.close();
  window.open({});
  CHECK(to_bytes(window.view()) == bytes{1});
}

TEST_CASE("stream_window: any split of a stream, read in steps of any size, comes out the same") {
  check_property([] {
    const auto stream = *any_bytes();
    stream_window window;
    bytes got;
    for (auto& piece : *any_split(stream)) {
      const auto fresh = window.open(piece);
      RC_ASSERT(to_bytes(fresh) == piece);
      while (*rc::gen::arbitrary<bool>()) {
        const auto step = *rc::gen::inRange<std::size_t>(0, window.view().size() + 1);
        append(got, window.view().first(step));
        window.consume(step);
      }
      window.close();
      std::ranges::fill(piece, std::uint8_t{0xdd});  // the reactor reads the next one there
    }
    append(got, window.view());
    RC_ASSERT(got == stream);
  });
}

}  // namespace
}  // namespace mtp
