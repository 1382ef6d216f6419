#include "codecs/client/proxy_header.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_endpoint;
using test::any_split;
using test::check_property;
using test::found;
using test::join;
using test::start_of;
using test::waits;
using namespace std::literals;

const bytes signature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/// 192.0.2.1:56324 to 192.0.2.2:443.
const bytes v4_block{192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 0x01, 0xbb};

bytes text(std::string_view line) {
  return to_bytes(as_bytes(line));
}

/// A header of version 2 with these bytes behind its length.
bytes v2(std::uint8_t command, std::uint8_t family, byte_view rest) {
  bytes header{command, family};
  append_be16(header, rest.size());
  return join({signature, header, rest});
}

endpoint at(std::string_view place) {
  const auto parsed = parse_endpoint(place);
  REQUIRE_MESSAGE(parsed, place);
  return *parsed;
}

proxy_header whole(const bytes& header) {
  const auto read = read_proxy_header(header);
  REQUIRE(found(read));
  CHECK((*read)->consumed == header.size());
  return **read;
}

bool is_refused(const bytes& in) {
  const auto read = read_proxy_header(in);
  return !read && read.error() == errc::bad_proxy_header;
}

TEST_CASE("proxy_header: version 1 is a line with two addresses and two ports") {
  const auto header = text("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
  CHECK(whole(header).ends ==
        connection_ends{.source = at("192.168.0.1:56324"), .destination = at("192.168.0.11:443")});
  CHECK(whole(text("PROXY TCP6 2001:DB8::1 ::1 65535 1\r\n")).ends ==
        connection_ends{.source = at("[2001:db8::1]:65535"), .destination = at("[::1]:1")});
  const auto zero = whole(text("PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n")).ends;
  REQUIRE(zero);
  CHECK(zero->source == endpoint{});
  CHECK(zero->destination.port == 0);
  // IPv4 in IPv6, as a dual-stack socket has it.
  CHECK(whole(text("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:202 5 6\r\n")).ends ==
        connection_ends{.source = at("192.0.2.1:5"), .destination = at("192.0.2.2:6")});
}

TEST_CASE("proxy_header: what follows the header is not taken") {
  const auto line = text("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
  const auto read = read_proxy_header(join({line, as_bytes("\r\nPROXY ")}));
  REQUIRE(found(read));
  CHECK((*read)->consumed == line.size());
  const auto binary = v2(0x21, 0x11, v4_block);
  const auto other = read_proxy_header(join({binary, signature}));
  REQUIRE(found(other));
  CHECK((*other)->consumed == binary.size());
}

TEST_CASE("proxy_header: UNKNOWN keeps the peer, whatever else the line says") {
  CHECK_FALSE(whole(text("PROXY UNKNOWN\r\n")).ends);
  CHECK_FALSE(whole(text("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n")).ends);
  CHECK_FALSE(whole(text("PROXY UNKNOWN \x01\xff \r\n")).ends);
  CHECK(is_refused(text("PROXY UNKNOWNS\r\n")));
  CHECK(is_refused(text("PROXY unknown\r\n")));
}

TEST_CASE("proxy_header: a line has at most 107 bytes") {
  const auto line = [](std::size_t size) {
    return text("PROXY UNKNOWN " + std::string(size - 16, 'x') + "\r\n");
  };
  CHECK(whole(line(107)).consumed == 107);
  CHECK(is_refused(line(108)));
  CHECK(waits(read_proxy_header(start_of(line(200), 106))));
  CHECK(is_refused(start_of(line(200), 107)));
}

TEST_CASE("proxy_header: lines that break a rule") {
  for (const auto line : {"PROXY\r\n"sv,
                          "PROXY \r\n"sv,
                          "PROXY TCP4\r\n"sv,
                          "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"sv,
                          "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n"sv,
                          "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"sv,
                          "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1 2001:db8::1 1 2\r\n"sv,
                          "PROXY TCP4 ::ffff:192.0.2.1 192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1\t192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"sv,
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx"sv,
                          "PROXY UNKNOWN \n"sv,
                          "PROXY UNKNOWN \rx\r\n"sv,
                          "PROXY UNKNOWN \n\r\n"sv})
    CHECK_MESSAGE(is_refused(text(line)), line);
}

TEST_CASE("proxy_header: anything else is refused at its first wrong byte") {
  CHECK(waits(read_proxy_header({})));
  CHECK(is_refused(text("G")));
  CHECK(is_refused(bytes{0x16, 0x03, 0x01}));
  CHECK(waits(read_proxy_header(text("PR"))));
  CHECK(is_refused(text("PRI * HTTP/2.0")));
  CHECK(is_refused(text("PROXYTCP")));
  CHECK(waits(read_proxy_header(start_of(signature, 11))));
  CHECK(is_refused(text("\r\n\r\nGET")));
}

TEST_CASE("proxy_header: version 2 has addresses and ports in network order") {
  const bytes header{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
                     0x21,                 // version 2, PROXY
                     0x11,                 // IPv4, stream
                     0x00, 0x0c,           // 12 bytes
                     192,  0,    2,    1,  // source
                     192,  0,    2,    2,  // destination
                     0xdc, 0x04,           // 56324
                     0x01, 0xbb};          // 443
  CHECK(whole(header).ends ==
        connection_ends{.source = at("192.0.2.1:56324"), .destination = at("192.0.2.2:443")});
  const bytes v6_block{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  // 2001:db8::1
                       0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  // ::1
                       0x00, 0x05, 0x00, 0x06};
  CHECK(whole(v2(0x21, 0x21, v6_block)).ends ==
        connection_ends{.source = at("[2001:db8::1]:5"), .destination = at("[::1]:6")});
}

TEST_CASE("proxy_header: LOCAL and what is not TCP keep the peer") {
  CHECK_FALSE(whole(v2(0x20, 0x00, {})).ends);
  // Nothing behind LOCAL counts, not even a family that is none.
  CHECK_FALSE(whole(v2(0x20, 0x11, v4_block)).ends);
  CHECK_FALSE(whole(v2(0x20, 0xff, bytes{3, 0, 9})).ends);
  CHECK_FALSE(whole(v2(0x21, 0x00, {})).ends);
  CHECK_FALSE(whole(v2(0x21, 0x00, bytes{1, 2, 3})).ends);
  CHECK_FALSE(whole(v2(0x21, 0x01, {})).ends);
  CHECK_FALSE(whole(v2(0x21, 0x10, v4_block)).ends);
  CHECK_FALSE(whole(v2(0x21, 0x12, v4_block)).ends);  // UDP
  CHECK_FALSE(whole(v2(0x21, 0x22, bytes(36))).ends);
  CHECK_FALSE(whole(v2(0x21, 0x31, bytes(216))).ends);  // a UNIX socket
}

TEST_CASE("proxy_header: headers of version 2 that break a rule") {
  CHECK(is_refused(v2(0x11, 0x11, v4_block)));  // version 1
  CHECK(is_refused(v2(0x31, 0x11, v4_block)));  // version 3
  CHECK(is_refused(v2(0x22, 0x11, v4_block)));  // no such command
  CHECK(is_refused(v2(0x21, 0x41, v4_block)));  // no such family
  CHECK(is_refused(v2(0x21, 0x13, v4_block)));  // no such transport
  CHECK(is_refused(v2(0x21, 0x11, start_of(v4_block, 11))));
  CHECK(is_refused(v2(0x21, 0x21, bytes(35))));
  CHECK(is_refused(v2(0x21, 0x31, bytes(215))));
  // Told before the rest has come.
  CHECK(is_refused(join({signature, bytes{0x22}})));
  CHECK(is_refused(join({signature, bytes{0x21, 0x11, 0x0f, 0xf1}})));
  CHECK(waits(read_proxy_header(join({signature, bytes{0x21, 0x11, 0x0f, 0xf0}}))));
}

TEST_CASE("proxy_header: fields behind the addresses are skipped, up to 4 KiB in all") {
  const bytes fields{0x02, 0x00, 0x03, 'a', '.', 'b',  // the name that the client asked for
                     0x04, 0x00, 0x00,                 // nothing, for alignment
                     0xee, 0x00, 0x01, 0xff};          // somebody's own
  CHECK(whole(v2(0x21, 0x11, join({v4_block, fields}))).ends);
  bytes long_field{0xee, 0x0f, 0xe1};
  long_field.resize(max_proxy_header - signature.size() - 4 - v4_block.size());
  CHECK(whole(v2(0x21, 0x11, join({v4_block, long_field}))).consumed == 4096);
  // Those that do not add up.
  for (std::size_t size = 1; size < fields.size(); ++size)
    CHECK(is_refused(v2(0x21, 0x11, join({v4_block, start_of(fields, size)}))) ==
          (size != 6 && size != 9));
}

TEST_CASE("proxy_header: a checksum must be right") {
  const auto with_checksum = [](std::uint8_t last) {
    return v2(0x21, 0x11,
              join({v4_block, bytes{0x02, 0x00, 0x03, 'a', '.', 'b'},
                    // CRC-32C of the header with zeros here, big-endian
                    bytes{0x03, 0x00, 0x04, 0xd1, 0x51, 0xb7, last}}));
  };
  CHECK(whole(with_checksum(0x4c)).ends);
  CHECK(is_refused(with_checksum(0x4d)));
  CHECK(is_refused(v2(0x21, 0x11, join({v4_block, bytes{0x03, 0x00, 0x03, 0, 0, 0}}))));
  // Of a header that is otherwise of no interest, too.
  CHECK(is_refused(v2(0x21, 0x12, join({v4_block, bytes{0x03, 0x00, 0x04, 0, 0, 0, 0}}))));
}

TEST_CASE("proxy_header: what is written in version 1") {
  const auto line = [](const std::optional<connection_ends>& ends) {
    return std::string{as_text(make_proxy_header(proxy_version::v1, ends))};
  };
  CHECK(line({}) == "PROXY UNKNOWN\r\n");
  CHECK(line(connection_ends{at("192.0.2.1:5"), at("192.0.2.2:443")}) ==
        "PROXY TCP4 192.0.2.1 192.0.2.2 5 443\r\n");
  CHECK(line(connection_ends{at("[2001:db8::1]:5"), at("[::1]:443")}) ==
        "PROXY TCP6 2001:db8::1 ::1 5 443\r\n");
  CHECK(line(connection_ends{at("192.0.2.1:5"), at("[::1]:443")}) ==
        "PROXY TCP6 ::ffff:192.0.2.1 ::1 5 443\r\n");
}

TEST_CASE("proxy_header: what is written in version 2") {
  CHECK(make_proxy_header(proxy_version::v2, {}) ==
        join({signature, bytes{0x20, 0x00, 0x00, 0x00}}));
  const connection_ends ends{at("192.0.2.1:56324"), at("192.0.2.2:443")};
  CHECK(make_proxy_header(proxy_version::v2, ends) ==
        join({signature, bytes{0x21, 0x11, 0x00, 0x0c}, v4_block}));
  const connection_ends mixed{at("192.0.2.1:1"), at("[::1]:2")};
  CHECK(make_proxy_header(proxy_version::v2, mixed) ==
        join({signature, bytes{0x21, 0x21, 0x00, 0x24},
              bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},  // ::ffff:192.0.2.1
              bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},          // ::1
              bytes{0x00, 0x01, 0x00, 0x02}}));
}

TEST_CASE("proxy_header: what is written is read back, in any split") {
  check_property([] {
    const auto version = *rc::gen::element(proxy_version::v1, proxy_version::v2);
    std::optional<connection_ends> ends;
    if (*rc::gen::arbitrary<bool>()) ends = {*any_endpoint(), *any_endpoint()};
    const auto header = make_proxy_header(version, ends);
    RC_ASSERT(header.size() <= max_proxy_line);
    bytes received;
    for (const auto& piece : *any_split(header)) {
      append(received, piece);
      const auto read = read_proxy_header(received);
      RC_ASSERT(read.has_value());
      RC_ASSERT(read->has_value() == (received.size() == header.size()));
    }
    append(received, *any_bytes());
    const auto read = read_proxy_header(received);
    RC_ASSERT((read == proxy_header{.consumed = header.size(), .ends = ends}));
  });
}

TEST_CASE("proxy_header: more bytes change no decision") {
  check_property([] {
    const auto start = *rc::gen::element(text(""), text("PROXY "), text("PROXY TCP6 "), signature,
                                         join({signature, bytes{0x21, 0x11, 0x00}}));
    const auto all = join({start, *any_bytes()});
    const auto last = read_proxy_header(all);
    for (std::size_t size = 0; size < all.size(); ++size) {
      const auto read = read_proxy_header(start_of(all, size));
      RC_ASSERT((waits(read) || read == last));
    }
  });
}

}  // namespace
}  // namespace mtp
