#include "codecs/client/cover_profile_text.hpp"

#include <algorithm>
#include <charconv>

#include "codecs/base/crypto.hpp"

namespace mtp {

namespace {

constexpr std::string_view first_line = "mtproto-proxy cover profile 1\n";
constexpr std::string_view checksum_word = "crc32c ";
constexpr std::size_t checksum_line = 16;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::string hex(std::uint64_t value, std::size_t digits) {
  std::array<char, 16> text{};
  auto* const end = std::to_chars(text.data(), text.data() + text.size(), value, 16).ptr;
  const auto size = static_cast<std::size_t>(end - text.data());
  return std::string(digits - std::min(digits, size), '0').append(text.data(), size);
}

std::string hex16(std::uint64_t value) {
  return hex(value, 4);
}

template <class List, class Format>
std::string joined(const List& list, Format format) {
  std::string text;
  for (const auto value : list)
    (text.empty() ? text : text.append(",")).append(format(value));
  return text.empty() ? "-" : text;
}

std::string line_of(hello_shape shape, const observed_flight& flight) {
  std::string line = "sample";
  for (const auto& word : std::initializer_list<std::string>{
           std::string{hello_shape_names[static_cast<std::size_t>(shape)]},
           std::string{flight_kind_names[static_cast<std::size_t>(flight.kind)]},
           hex16(flight.version), hex16(flight.suite), hex16(flight.group), number(flight.alert),
           number(flight.session_id_echoed), number(flight.change_cipher_spec), number(flight.cut),
           joined(flight.extensions, hex16), joined(flight.records, number)})
    line.append(" ").append(word);
  return line.append("\n");
}

std::string checksum_of(std::string_view text) {
  return std::string{checksum_word}.append(hex(crc32c(as_bytes(text)), 8)).append("\n");
}

/// Takes words off a text. One that is not what it should be makes `ok` false.
class word_reader {
 public:
  explicit word_reader(std::string_view text) noexcept : text_{text} {}

  std::string_view take(char end) noexcept {
    const auto at = text_.find(end);
    ok_ &= at != std::string_view::npos;
    const auto word = text_.substr(0, at);
    text_.remove_prefix(ok_ ? at + 1 : text_.size());
    return word;
  }

  template <class T>
  T number(std::string_view word, int base) noexcept {
    T value{};
    const auto* const end = word.data() + word.size();
    const auto read = std::from_chars(word.data(), end, value, base);
    ok_ &= read.ec == std::errc{} && read.ptr == end;
    return value;
  }

  template <std::size_t N>
  std::size_t index(std::string_view word, const std::array<std::string_view, N>& names) noexcept {
    const auto at = static_cast<std::size_t>(std::ranges::find(names, word) - names.begin());
    ok_ &= at < N;
    return ok_ ? at : 0;
  }

  template <std::size_t N>
  void list(std::string_view word, int base, bounded_list<std::uint16_t, N>& into) noexcept {
    if (word == "-") return;
    while (ok_ && !word.empty()) {
      const auto comma = std::min(word.find(','), word.size());
      ok_ &= into.push_back(number<std::uint16_t>(word.substr(0, comma), base));
      word.remove_prefix(std::min(comma + 1, word.size()));
    }
  }

  [[nodiscard]] bool at_end() const noexcept { return text_.empty(); }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  std::string_view text_;
  bool ok_ = true;
};

void read_sample(word_reader& in, cover_profile& into) {
  observed_flight flight;
  const auto shape = in.index(in.take(' '), hello_shape_names);
  flight.kind = static_cast<flight_kind>(in.index(in.take(' '), flight_kind_names));
  flight.version = in.number<std::uint16_t>(in.take(' '), 16);
  flight.suite = in.number<std::uint16_t>(in.take(' '), 16);
  flight.group = in.number<std::uint16_t>(in.take(' '), 16);
  flight.alert = in.number<std::uint8_t>(in.take(' '), 10);
  flight.session_id_echoed = in.take(' ') == "1";
  flight.change_cipher_spec = in.take(' ') == "1";
  flight.cut = in.take(' ') == "1";
  in.list(in.take(' '), 16, flight.extensions);
  in.list(in.take('\n'), 10, flight.records);
  add_sample(into, static_cast<hello_shape>(shape), flight);
}

}  // namespace

std::string to_text(const cover_profile& profile) {
  std::string text{first_line};
  text.append("site ").append(profile.site).append("\n");
  text.append("measured ").append(number(profile.measured)).append("\n");
  for (const auto shape : all_hello_shapes)
    for (const auto& flight : profile.samples[static_cast<std::size_t>(shape)])
      text.append(line_of(shape, flight));
  return text.append(checksum_of(text));
}

result<cover_profile> parse_cover_profile(std::string_view text) {
  const bool may_be = text.size() <= max_cover_profile_text && text.starts_with(first_line) &&
                      text.size() >= first_line.size() + checksum_line;
  if (!may_be) return fail(errc::bad_cover_profile);
  const auto content = text.substr(0, text.size() - checksum_line);
  cover_profile profile;
  word_reader in{content.substr(first_line.size())};
  bool sound = in.take(' ') == "site";
  profile.site = in.take('\n');
  sound &= in.take(' ') == "measured";
  profile.measured = in.number<std::uint64_t>(in.take('\n'), 10);
  while (sound && in.ok() && !in.at_end()) {
    sound = in.take(' ') == "sample";
    if (sound) read_sample(in, profile);
  }
  sound &= profile.site.size() <= max_cover_site &&
           std::ranges::all_of(profile.site, [](char c) { return c > ' ' && c <= '~'; });
  // That every field is spelled as we spell it, and the checksum, which is at the end.
  if (!sound || !in.ok() || to_text(profile) != text) return fail(errc::bad_cover_profile);
  return profile;
}

}  // namespace mtp
