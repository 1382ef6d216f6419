#include "codecs/base/text.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace mtp {

namespace {

int nibble(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_hex(byte_view in) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(in.size() * 2);
  for (const auto byte : in) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

std::optional<bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  bytes raw;
  raw.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = nibble(text[i]);
    const int low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    raw.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return raw;
}

std::string to_base64url(byte_view in) {
  std::string encoded((in.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), in.data(),
                                   static_cast<int>(in.size()));
  encoded.resize(static_cast<std::size_t>(size));
  encoded.erase(encoded.find_last_not_of('=') + 1);
  std::ranges::replace(encoded, '+', '-');
  std::ranges::replace(encoded, '/', '_');
  return encoded;
}

std::optional<bytes> from_base64(std::string_view text) {
  constexpr auto longest = std::size_t{64} * 1024;
  std::string standard{text.substr(0, text.find_last_not_of('=') + 1)};
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto padding = (4 - standard.size() % 4) % 4;
  const auto written = text.size() - standard.size();
  if ((written != 0 && written != padding) || padding == 3 || standard.size() > longest ||
      standard.find_first_not_of(alphabet) != std::string::npos)
    return std::nullopt;
  standard.append(padding, '=');
  bytes raw(standard.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(raw.data(), reinterpret_cast<const unsigned char*>(standard.data()),
                      static_cast<int>(standard.size()));
  if (size < 0) return std::nullopt;
  raw.resize(static_cast<std::size_t>(size) - padding);
  return raw;
}

std::string printable(std::string_view text) {
  std::string printable{text};
  std::ranges::replace_if(
      printable, [](char c) { return c < ' ' || c > '~'; }, '?');
  return printable;
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

}  // namespace mtp
