// The ClientHello that opens a fake-TLS connection: putting it together from records, reading it,
// and checking that its random was made with our secret. Facts: doc/wire/fake_tls.md.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "codecs/base/bounded_list.hpp"
#include "codecs/base/bytes.hpp"
#include "codecs/base/crypto.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

/// The longest ClientHello: the most that one TLS record can hold.
inline constexpr std::size_t max_client_hello = std::size_t{16} * 1024;

/// Where the random stands in the record.
inline constexpr std::size_t client_random_at = 11;
inline constexpr std::size_t client_random_size = 32;
/// The part of it that is the digest itself; the rest is mixed with the client's clock, which
/// anybody can change.
inline constexpr std::size_t client_digest_size = 28;

/// The suites of TLS 1.3 that fake-TLS answers in. Servers know no others.
inline constexpr std::uint16_t tls_aes_128_gcm_sha256 = 0x1301;
inline constexpr std::uint16_t tls_aes_256_gcm_sha384 = 0x1302;
inline constexpr std::uint16_t tls_chacha20_poly1305_sha256 = 0x1303;
/// Groups of key shares that fake-TLS answers in.
inline constexpr std::uint16_t group_x25519 = 0x001d;
inline constexpr std::uint16_t group_x25519_mlkem768 = 0x11ec;
/// Extensions that are read, of either hello.
inline constexpr std::uint16_t ext_server_name = 0x0000;
inline constexpr std::uint16_t ext_supported_versions = 0x002b;
inline constexpr std::uint16_t ext_key_share = 0x0033;

/// One of the values 0a0a, 1a1a, ... fafa that mean nothing (GREASE, RFC 8701).
[[nodiscard]] constexpr bool is_grease(std::size_t value) noexcept {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/// Whether a connection that starts with these bytes opens TLS (16 03 01): all of `in` agrees with
/// it as far as it goes. Three bytes decide.
[[nodiscard]] bool looks_like_client_hello(byte_view in) noexcept;

/// A ClientHello taken out of its records.
struct client_hello_bytes {
  /// As one record (header 16 03 01, length, message): what the digest covers, even if the network
  /// or a local tool cut the record in several.
  bytes record;
  /// Bytes of the input that the hello takes.
  std::size_t consumed = 0;
};

/// Takes the ClientHello from the front of a connection's bytes, cut in any number of records.
class client_hello_assembler {
 public:
  /// `in` is everything that the connection has sent so far, less the bytes reported by
  /// `take_consumed`. Bytes that an earlier call has read are not read again. Error:
  /// `tls_bad_client_hello`, as soon as the bytes can't become a hello of at most
  /// `max_client_hello`.
  [[nodiscard]] decoded<client_hello_bytes> next(byte_view in);
  /// While a hello is incomplete: so many bytes at the front of `in` are kept here by now, and the
  /// next `in` starts behind them.
  [[nodiscard]] std::size_t take_consumed() noexcept { return std::exchange(consumed_, 0); }

 private:
  /// The record header, and the message as far as whole records have brought it.
  bytes record_;
  std::size_t consumed_ = 0;
};

/// The parts of a hello that the server needs.
struct client_hello {
  std::array<std::uint8_t, client_random_size> random;
  /// At most 32 bytes.
  bytes session_id;
  /// TLS 1.3's suites that the client offers, in its order, each once.
  bounded_list<std::uint16_t, 3> suites;
  /// Whether its list of suites begins with a GREASE value, as that of browsers does.
  bool grease = false;
  /// Server name; empty if there is none.
  std::string sni;
  /// Key shares the client sent for groups that fake-TLS can answer in.
  bool x25519 = false;
  bool x25519_mlkem768 = false;
};

/// Reads a hello put together by `client_hello_assembler`. Error: `tls_bad_client_hello` for
/// lengths that do not add up or a second server name; unknown extensions are skipped.
[[nodiscard]] result<client_hello> parse_client_hello(byte_view record);

/// Reads the readable parts of a hello and leaves out the rest; for a hello whose digest is right.
/// Old clients of iOS send no server name, and other clients have other faults. A name that breaks
/// a rule is left out; if there are several names, the first one counts.
[[nodiscard]] client_hello read_client_hello(byte_view record);

/// Checks the random against `secret` in constant time. Returns the client's clock (Unix seconds)
/// as it wrote it. Error: `tls_invalid_digest`, also for a record that is too short for a random.
[[nodiscard]] result<std::uint32_t> check_client_digest(byte_view record, const secret16& secret);

/// A hello as Telegram clients of 2026 send it, for `mtproto-proxy ping` and tests: ML-KEM and
/// x25519 shares, GREASE, ECH, 1753 bytes with an 11-byte name. `random` supplies keys and
/// identifiers, `client_hello_random_size` bytes.
inline constexpr std::size_t client_hello_random_size = 4096;
[[nodiscard]] bytes make_client_hello(
    const secret16& secret, std::string_view sni, std::uint32_t unix_time,
    std::span<const std::uint8_t, client_hello_random_size> random);

/// Writes the digest of a hello that is otherwise complete into its random.
void sign_client_hello(byte_span record, const secret16& secret, std::uint32_t unix_time);

}  // namespace mtp
