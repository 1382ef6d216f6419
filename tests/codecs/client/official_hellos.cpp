// Facts: doc/wire/fake_tls.md, and the sources that are named in the header.
#include "tests/codecs/client/official_hellos.hpp"

#include <algorithm>
#include <utility>

#include "codecs/base/text.hpp"
#include "codecs/client/mlkem768_key.hpp"
#include "tests/codecs/client/client_hellos.hpp"
#include "tests/codecs/client/cover_probes.hpp"

namespace mtp::test {

namespace {

using extension_list = std::vector<bytes>;

/// Where TDLib cuts domains (ProxySecret.h).
constexpr std::size_t tdlib_max_domain = 182;
/// Of hellos of a fixed size, with record and message headers.
constexpr std::size_t fixed_size = 517;

bytes hex(std::string_view text) {
  return from_hex(text).value();
}

bytes counted(byte_view body) {
  bytes encoded;
  append_be16(encoded, body.size());
  append(encoded, body);
  return encoded;
}

/// What a client leaves to chance.
class chance {
 public:
  explicit chance(std::uint64_t seed) : seed_{seed}, next_{seed * 1000} {}

  bytes random(std::size_t size) { return noise(size, ++next_); }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  /// One of those values that the client chooses at its start; 0 and 1, 2 and 3, ... differ.
  bytes grease(std::size_t number) {
    auto byte = static_cast<std::uint8_t>((grease_[number] & 0xf0) | 0x0a);
    const auto even = static_cast<std::uint8_t>((grease_[number & ~1U] & 0xf0) | 0x0a);
    if (number % 2 == 1 && byte == even) byte ^= 0x10;
    return {byte, byte};
  }
  bytes x25519_key() { return to_bytes(any_x25519_share(++next_)); }
  bytes mlkem_key() {
    const auto from = random(mlkem768_random_size);
    return to_bytes(make_mlkem768_key(std::span<const std::uint8_t, mlkem768_random_size>{from}));
  }
  void shuffle(extension_list& list) {
    const auto places = random(list.size());
    for (auto i = list.size() - 1; i > 0; --i)
      std::swap(list[i], list[places[i] % (i + 1)]);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t next_;
  bytes grease_ = noise(8, seed_ + 77);
};

/// supported_groups, after a GREASE value.
bytes groups(chance& by, std::string_view list) {
  return extension(0x000a, counted(join({by.grease(4), hex(list)})));
}

bytes hybrid_shares(chance& by) {
  return extension(0x0033,
                   counted(join({by.grease(4), hex("000100"), hex("11ec04c0"), by.mlkem_key(),
                                 by.x25519_key(), hex("001d0020"), by.x25519_key()})));
}

/// supported_versions: GREASE, TLS 1.3, TLS 1.2.
bytes versions(chance& by) {
  return extension(0x002b, join({hex("06"), by.grease(6), hex("03040303")}));
}

bytes alpn(std::string_view protocols) {
  return extension(0x0010, counted(hex(protocols)));
}
constexpr std::string_view http1 = "08687474702f312e31";
constexpr std::string_view http2_and_1 = "02683208687474702f312e31";

bytes algorithms(std::string_view list) {
  return extension(0x000d, counted(hex(list)));
}
constexpr std::string_view chrome_algorithms = "04030804040105030805050108060601";

/// ECH as a browser sends it that has no key for the site. `key`: that of HPKE.
bytes ech(chance& by, byte_view key) {
  const auto payload = by.random(144 + by.seed() % 4 * 32);
  return extension(0xfe0d, join({hex("0000010001"), by.random(1), counted(key), counted(payload)}));
}

const std::string chrome_suites = "130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035";

/// What all that look like Chrome have, in no order.
extension_list chrome_extensions(chance& by, const std::string& name) {
  return {extension(0x0000, server_name(name)),
          extension(0x0005, hex("0100000000")),
          extension(0x000b, hex("0100")),
          alpn(http2_and_1),
          extension(0x0012, {}),
          extension(0x0017, {}),
          extension(0x001b, hex("020002")),
          extension(0x0023, {}),
          versions(by),
          extension(0x002d, hex("0101")),
          extension(0xff01, hex("00"))};
}

extension_list new_chrome_extensions(chance& by, const std::string& name) {
  auto list = chrome_extensions(by, name);
  list.push_back(groups(by, "11ec001d00170018"));
  list.push_back(hybrid_shares(by));
  list.push_back(extension(0x44cd, hex("0003026832")));
  return list;
}

/// In any order, between an empty extension and one of a byte that are GREASE.
extension_list between_grease(chance& by, extension_list list) {
  by.shuffle(list);
  list.insert(list.begin(), join({by.grease(2), hex("0000")}));
  list.push_back(join({by.grease(3), hex("000100")}));
  return list;
}

bytes joined(const extension_list& list) {
  bytes all;
  for (const auto& each : list)
    append(all, each);
  return all;
}

hello_parts chrome_parts(chance& by, const extension_list& extensions) {
  return {.session_id = by.random(32),
          .suites = join({by.grease(0), hex(chrome_suites)}),
          .extensions = joined(extensions)};
}

/// With an extension of zeros at the end, which makes it as long as it always is.
bytes padded(hello_parts parts) {
  const auto missing = fixed_size - parts.record().size() - 4;
  append(parts.extensions, extension(0x0015, bytes(missing)));
  return parts.record();
}

bytes tdlib(chance& by, const std::string& name) {
  auto list = new_chrome_extensions(by, name);
  list.push_back(algorithms(chrome_algorithms));
  list.push_back(ech(by, by.random(32)));
  return chrome_parts(by, between_grease(by, std::move(list))).record();
}

bytes android(chance& by, const std::string& name) {
  auto list = new_chrome_extensions(by, name);
  list.push_back(algorithms("090409050906" + std::string{chrome_algorithms}));
  list.push_back(ech(by, by.x25519_key()));
  return chrome_parts(by, between_grease(by, std::move(list))).record();
}

bytes android_old(chance& by, const std::string& name) {
  auto list = chrome_extensions(by, name);
  list.push_back(groups(by, "001d00170018"));
  list.push_back(extension(
      0x0033, counted(join({by.grease(4), hex("000100"), hex("001d0020"), by.x25519_key()}))));
  list.push_back(extension(0x4469, hex("0003026832")));
  list.push_back(algorithms(chrome_algorithms));
  return padded(chrome_parts(by, between_grease(by, std::move(list))));
}

bytes ios_fork(chance& by, const std::string& name) {
  auto list = new_chrome_extensions(by, name);
  list.push_back(algorithms(chrome_algorithms));
  list.push_back(extension(0xfe0d, bytes(16)));
  list.push_back(join({by.grease(2), hex("0000")}));
  list.push_back(join({by.grease(3), hex("0000")}));
  by.shuffle(list);
  return chrome_parts(by, list).record();
}

bytes tdlib_apple(chance& by, const std::string& name) {
  const auto* const suites =
      (by.seed() & 1) == 0
          ? "130213011303c02cc030c02bcca9c02fcca8c00ac009c014c013"
          : "130213031301c02cc02bcca9c030c02fcca8c00ac009c014c013009d009c0035002fc008c012000a";
  const extension_list list{join({by.grease(2), hex("0000")}),
                            extension(0x0000, server_name(name)),
                            extension(0x0017, {}),
                            extension(0xff01, hex("00")),
                            groups(by, "11ec001d001700180019"),
                            extension(0x000b, hex("0100")),
                            alpn((by.seed() & 2) == 0 ? http1 : http2_and_1),
                            extension(0x0005, hex("0100000000")),
                            algorithms("0403080404010503080508050501080606010201"),
                            extension(0x0012, {}),
                            hybrid_shares(by),
                            extension(0x002d, hex("0101")),
                            versions(by),
                            extension(0x001b, hex("020001")),
                            join({by.grease(3), hex("000100")})};
  return hello_parts{.session_id = by.random(32),
                     .suites = join({by.grease(0), hex(suites)}),
                     .extensions = joined(list)}
      .record();
}

bytes ios_old(chance& by, const bytes& name_extension) {
  // ALPN: h2, h2-16, h2-15, h2-14, spdy/3.1, spdy/3, http/1.1.
  constexpr std::string_view protocols =
      "0268320568322d31360568322d31350568322d313408737064792f332e3106737064792f3308687474702f312e3"
      "1";
  const extension_list list{extension(0xff01, hex("00")),
                            name_extension,
                            extension(0x0017, {}),
                            algorithms("04030804040105030203080508050501080606010201"),
                            extension(0x0005, hex("0100000000")),
                            extension(0x3374, {}),  // NPN
                            extension(0x0012, {}),
                            alpn(protocols),
                            extension(0x000b, hex("0100")),
                            extension(0x0033, counted(join({hex("001d0020"), by.x25519_key()}))),
                            extension(0x002d, hex("0101")),
                            extension(0x002b, hex("080304030303020301")),
                            extension(0x000a, counted(hex("001d001700180019")))};
  return padded(
      {.session_id = by.random(32),
       .suites = hex("130313011302c02cc02bc024c023c00ac009cca9c030c02fc028c027c014c013cca8"
                     "009d009c003d003c0035002fc008c012000a"),
       .extensions = joined(list)});
}

/// With any random.
bytes unsigned_hello(official_client client, const std::string& name, chance& by) {
  switch (client) {
    case official_client::tdlib:
      return tdlib(by, name);
    case official_client::tdlib_apple:
      return tdlib_apple(by, name);
    case official_client::android:
      return android(by, name);
    case official_client::android_old:
      return android_old(by, name);
    case official_client::ios_old:
      return ios_old(by, extension(0x0000, server_name(name)));
    case official_client::ios_nameless:
      return ios_old(by, {});
    case official_client::ios_fork:
      break;
  }
  return ios_fork(by, name);
}

}  // namespace

std::string name_asked_by(official_client client, const std::string& domain) {
  if (client == official_client::ios_nameless) return {};
  const bool cuts = client == official_client::tdlib || client == official_client::tdlib_apple;
  return cuts ? domain.substr(0, tdlib_max_domain) : domain;
}

bytes official_hello(official_client client, const std::string& domain, const secret16& secret,
                     std::uint32_t unix_time, std::uint64_t seed) {
  chance by{seed};
  auto hello = unsigned_hello(client, name_asked_by(client, domain), by);
  const auto random = byte_span{hello}.subspan(client_random_at, client_random_size);
  std::ranges::fill(random, std::uint8_t{0});
  auto digest = hmac_sha256(secret, {hello});
  for (std::size_t i = 0; i < 4; ++i)
    digest[client_digest_size + i] ^= static_cast<std::uint8_t>(unix_time >> 8 * i);
  std::ranges::copy(digest, random.begin());
  return hello;
}

}  // namespace mtp::test
