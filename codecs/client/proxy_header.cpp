#include "codecs/client/proxy_header.hpp"

#include <algorithm>
#include <charconv>

#include "codecs/base/crypto.hpp"
#include "codecs/base/field_reader.hpp"

namespace mtp {

namespace {

constexpr std::string_view line_start = "PROXY ";
constexpr std::string_view line_end = "\r\n";

constexpr std::array<std::uint8_t, 12> signature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                 0x0a, 'Q',  'U',  'I',  'T',  0x0a};
/// Behind the signature: version and command, family and transport, length of what follows.
constexpr std::size_t fixed_part = signature.size() + 4;

constexpr std::uint8_t command_local = 0x20;
constexpr std::uint8_t command_proxy = 0x21;

constexpr std::size_t family_v4 = 1;
constexpr std::size_t family_v6 = 2;
constexpr std::size_t family_unix = 3;
constexpr std::size_t transport_stream = 1;
constexpr std::size_t transport_datagram = 2;

/// Two addresses and two ports; two paths.
constexpr std::size_t v4_block = 2 * 4 + 2 * 2;
constexpr std::size_t v6_block = 2 * 16 + 2 * 2;
constexpr std::size_t unix_block = std::size_t{2} * 108;

constexpr std::size_t tlv_crc32c = 3;
constexpr std::size_t crc_size = 4;

/// Whether `in` agrees with `start`, as far as it goes.
bool begins(byte_view in, byte_view start) noexcept {
  const auto size = std::min(in.size(), start.size());
  return std::ranges::equal(in.first(size), start.first(size));
}

/// Takes the next word off a line. Exactly one blank precedes each but the first.
std::string_view take_word(std::string_view& line) {
  const auto word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

/// Decimal, 0 to 65535, without zeros in front.
std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, port);
  const bool is_padded = text.size() > 1 && text.front() == '0';
  if (status != std::errc{} || stop != end || is_padded) return std::nullopt;
  return port;
}

/// An address as this family writes it: a mapped IPv4 address is one of IPv6.
std::optional<ip_address> read_ip(std::string_view text, bool v6) {
  const bool is_v6 = text.find(':') != std::string_view::npos;
  return is_v6 == v6 ? ip_address::parse(text) : std::nullopt;
}

/// Of a line what follows "PROXY ", without its end.
decoded<proxy_header> read_line(std::string_view line, std::size_t consumed) {
  const auto family = take_word(line);
  if (family == "UNKNOWN") return proxy_header{.consumed = consumed};
  if (family != "TCP4" && family != "TCP6") return fail(errc::bad_proxy_header);
  const bool v6 = family == "TCP6";
  // Nothing may follow the last one, not even a blank.
  const bool is_complete = std::ranges::count(line, ' ') == 3;
  const auto source = read_ip(take_word(line), v6);
  const auto destination = read_ip(take_word(line), v6);
  const auto source_port = read_port(take_word(line));
  const auto destination_port = read_port(take_word(line));
  if (!is_complete || !source || !destination || !source_port || !destination_port)
    return fail(errc::bad_proxy_header);
  return proxy_header{.consumed = consumed,
                      .ends = connection_ends{.source = {*source, *source_port},
                                              .destination = {*destination, *destination_port}}};
}

decoded<proxy_header> read_v1(byte_view in) {
  const auto text = as_text(in.first(std::min(in.size(), max_proxy_line)));
  const auto end = text.find_first_of(line_end);
  if (end == std::string_view::npos) {
    if (text.size() < max_proxy_line) return std::nullopt;
    return fail(errc::bad_proxy_header);
  }
  const auto found = text.substr(end, line_end.size());
  if (found == line_end)
    return read_line(text.substr(line_start.size(), end - line_start.size()),
                     end + line_end.size());
  if (found == line_end.substr(0, 1) && text.size() < max_proxy_line) return std::nullopt;
  return fail(errc::bad_proxy_header);
}

/// Whether the fields at `at` add up to the end of the header, and its checksum, if there is one,
/// is right.
bool are_sound_fields(byte_view header, std::size_t at) {
  field_reader fields{header.subspan(at)};
  while (!fields.at_end()) {
    const auto type = fields.be(1);
    const auto value = fields.be_vector(2);
    if (!fields.ok()) return false;
    if (type != tlv_crc32c) continue;
    if (value.size() != crc_size) return false;
    // It covers the header with zeros in its own place.
    auto covered = to_bytes(header);
    std::fill_n(covered.end() - static_cast<std::ptrdiff_t>(fields.left() + crc_size), crc_size,
                std::uint8_t{0});
    if (field_reader{value}.be(crc_size) != crc32c(covered)) return false;
  }
  return true;
}

template <std::size_t Size>
ip_address take_ip(field_reader& block) {
  if constexpr (Size == 4)
    return ip_address::v4(block.array<Size>());
  else
    return ip_address::v6(block.array<Size>());
}

template <std::size_t Size>
connection_ends read_ends(byte_view in) {
  field_reader block{in};
  connection_ends ends;
  ends.source.ip = take_ip<Size>(block);
  ends.destination.ip = take_ip<Size>(block);
  ends.source.port = static_cast<std::uint16_t>(block.be(2));
  ends.destination.port = static_cast<std::uint16_t>(block.be(2));
  return ends;
}

/// A whole header whose command is PROXY.
decoded<proxy_header> read_proxied(byte_view header) {
  const std::size_t family = header[signature.size() + 1] >> 4;
  const std::size_t transport = header[signature.size() + 1] & 0xf;
  if (family > family_unix || transport > transport_datagram) return fail(errc::bad_proxy_header);
  proxy_header found{.consumed = header.size()};
  // The size of an unspecified address is not known, nor where fields would begin.
  if (family == 0) return found;
  const auto block = family == family_v4 ? v4_block : family == family_v6 ? v6_block : unix_block;
  if (header.size() < fixed_part + block || !are_sound_fields(header, fixed_part + block))
    return fail(errc::bad_proxy_header);
  if (transport != transport_stream || family == family_unix) return found;
  const auto ends = header.subspan(fixed_part, block);
  found.ends = family == family_v4 ? read_ends<4>(ends) : read_ends<16>(ends);
  return found;
}

decoded<proxy_header> read_v2(byte_view in) {
  if (in.size() <= signature.size()) return std::nullopt;
  const auto command = in[signature.size()];
  if (command != command_local && command != command_proxy) return fail(errc::bad_proxy_header);
  if (in.size() < fixed_part) return std::nullopt;
  const auto size = fixed_part + load_be16(in.subspan(signature.size() + 2));
  if (size > max_proxy_header) return fail(errc::bad_proxy_header);
  if (in.size() < size) return std::nullopt;
  // With LOCAL nothing that follows the length is looked at.
  if (command == command_local) return proxy_header{.consumed = size};
  return read_proxied(in.first(size));
}

/// An address as text of this family.
std::string show_ip(const ip_address& ip, bool v6) {
  return (v6 && ip.is_v4() ? "::ffff:" : "") + to_string(ip);
}

bytes make_v1(const std::optional<connection_ends>& ends, bool v6) {
  std::string line{line_start};
  if (!ends)
    line += "UNKNOWN";
  else
    line += (v6 ? "TCP6 " : "TCP4 ") + show_ip(ends->source.ip, v6) + ' ' +
            show_ip(ends->destination.ip, v6) + ' ' + std::to_string(ends->source.port) + ' ' +
            std::to_string(ends->destination.port);
  line += line_end;
  return to_bytes(as_bytes(line));
}

void append_ip(bytes& into, const ip_address& ip, bool v6) {
  append(into, byte_view{ip.mapped()}.subspan(v6 ? 0 : 12));
}

bytes make_v2(const std::optional<connection_ends>& ends, bool v6) {
  auto header = to_bytes(signature);
  header.push_back(ends ? command_proxy : command_local);
  header.push_back(
      static_cast<std::uint8_t>(ends ? (v6 ? family_v6 : family_v4) << 4 | transport_stream : 0));
  append_be16(header, ends ? (v6 ? v6_block : v4_block) : 0);
  if (!ends) return header;
  append_ip(header, ends->source.ip, v6);
  append_ip(header, ends->destination.ip, v6);
  append_be16(header, ends->source.port);
  append_be16(header, ends->destination.port);
  return header;
}

}  // namespace

decoded<proxy_header> read_proxy_header(byte_view in) {
  if (in.empty()) return std::nullopt;
  const bool is_line = in[0] == line_start[0];
  if (!begins(in, is_line ? as_bytes(line_start) : byte_view{signature}))
    return fail(errc::bad_proxy_header);
  return is_line ? read_v1(in) : read_v2(in);
}

bytes make_proxy_header(proxy_version version, const std::optional<connection_ends>& ends) {
  const bool v6 = ends && !(ends->source.ip.is_v4() && ends->destination.ip.is_v4());
  return version == proxy_version::v1 ? make_v1(ends, v6) : make_v2(ends, v6);
}

}  // namespace mtp
