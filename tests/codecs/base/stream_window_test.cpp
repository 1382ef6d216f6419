#include "codecs/base/stream_window.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_split;
using test::check_property;

TEST_CASE("stream_window: fresh bytes are parsed where they were read") {
  bytes fresh{1, 2, 3};
  stream_window window;
  window.open(fresh);
  CHECK(window.front(3).data() == fresh.data());
  CHECK(to_bytes(window.front(1)) == fresh);
  window.consume(2);
  CHECK(to_bytes(window.front(1)) == bytes{3});
  CHECK(to_bytes(window.front(2)) == bytes{3});
}

TEST_CASE("stream_window: a frame in several reads is put together once, and is not copied again") {
  stream_window window;
  const bytes frame(200'000, 0x11);
  std::size_t at = 0;
  const auto read = [&](std::size_t size) {
    auto buffer = to_bytes(byte_view{frame}.subspan(at, size));
    at += size;
    if (at == frame.size()) append(buffer, bytes{1, 2, 3});
    window.open(buffer);
    const auto in = window.front(frame.size());
    const auto* const where = in.data();
    if (in.size() < frame.size()) {
      window.close();
      return where;
    }
    window.consume(frame.size());
    CHECK(to_bytes(window.front(3)) == bytes{1, 2, 3});
    const auto packet = window.claim(in.subspan(4));
    CHECK(packet.view().data() == where + 4);
    CHECK(to_bytes(packet.view()) == bytes(frame.size() - 4, 0x11));
    window.close();
    return where;
  };
  read(50'000);
  const auto* const where = read(50'000);
  CHECK(read(50'000) == where);
  CHECK(read(50'000) == where);
  CHECK(window.size() == 3);
}

TEST_CASE("stream_window: a length that is only announced gets little memory") {
  stream_window window;
  bytes buffer{1, 2, 3, 4};
  window.open(buffer);
  CHECK(window.front(1'000'000).size() == 4);
  window.close();
  const auto start = window.front(4);
  window.consume(4);
  CHECK(window.claim(start).capacity() == 4);  // copied: its memory is mostly empty
}

TEST_CASE("stream_window: a small packet does not take a large memory with it") {
  stream_window window;
  bytes buffer(1000, 0x11);
  window.open(buffer);
  window.close();
  window.consume(900);
  const auto last = window.front(100);
  window.consume(100);
  const auto packet = window.claim(last);
  CHECK(packet.capacity() == 100);
  CHECK(packet.size() == 100);
}

TEST_CASE("stream_window: what is unread outlives the buffer it was read into") {
  stream_window window;
  bytes buffer{1, 2, 3};
  window.open(buffer);
  window.consume(1);
  window.close();
  buffer.assign(3, 0xdd);
  CHECK(to_bytes(window.front(2)) == bytes{2, 3});

  buffer = {4, 5};
  window.open(buffer);
  CHECK(to_bytes(window.front(2)) == bytes{2, 3});
  CHECK(to_bytes(window.front(3)) == bytes{2, 3, 4});
  CHECK(window.size() == 4);
  window.consume(3);
  CHECK(to_bytes(window.front(1)) == bytes{5});
}

TEST_CASE("stream_window: bytes can be kept without being opened") {
  stream_window window;
  bytes buffer{3, 4};
  window.keep(bytes{1, 2});
  window.open(buffer);
  window.keep(bytes{5});
  CHECK(to_bytes(window.front(5)) == bytes{1, 2, 3, 4, 5});
}

TEST_CASE("stream_window: closing twice keeps what is unread") {
  stream_window window;
  bytes buffer{1, 2, 3};
  window.open(buffer);
  window.consume(1);
  window.close();
  window.close();
  CHECK(to_bytes(window.front(2)) == bytes{2, 3});
}

TEST_CASE("stream_window: an empty read changes nothing") {
  stream_window window;
  window.open({});
  CHECK(window.size() == 0);
  window.close();
  bytes buffer{1};
  window.open(buffer);
  window.close();
  window.open({});
  CHECK(to_bytes(window.front(1)) == bytes{1});
}

TEST_CASE("stream_window: any split of a stream, read in steps of any size, comes out the same") {
  check_property([] {
    const auto stream = *any_bytes();
    stream_window window;
    bytes got;
    for (auto& piece : *any_split(stream)) {
      window.open(piece);
      while (*rc::gen::arbitrary<bool>()) {
        const auto wanted = *rc::gen::inRange<std::size_t>(0, window.size() + 10);
        const auto there = window.front(wanted);
        RC_ASSERT(there.size() >= std::min(wanted, window.size()));
        if (there.size() < wanted) break;
        window.consume(wanted);
        if (*rc::gen::arbitrary<bool>())
          append(got, window.claim(there.first(wanted)).view());
        else
          append(got, there.first(wanted));
      }
      window.close();
      std::ranges::fill(piece, std::uint8_t{0xdd});  // the reactor reads the next one there
    }
    append(got, window.front(window.size()));
    RC_ASSERT(got == stream);
  });
}

}  // namespace
}  // namespace mtp
