// What a TLS server sends after a ClientHello, before the client's next word: read from a cover
// site to be imitated. Everything the site sends is hostile. Facts: doc/wire/fake_tls.md, RFC 8446.
#pragma once

#include "codecs/base/bounded_list.hpp"
#include "codecs/base/bytes.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

enum class flight_kind : std::uint8_t {
  /// Nothing.
  none,
  /// A ServerHello of TLS 1.3, and what follows it.
  tls13,
  /// A HelloRetryRequest.
  hello_retry_request,
  /// A ServerHello of TLS 1.2 or below.
  older_tls,
  /// A plain alert.
  alert,
  /// No TLS, or TLS that breaks a rule or breaks off.
  broken,
};
/// One name per enumerator, in order.
inline constexpr std::array<std::string_view, 6> flight_kind_names{
    "none", "tls13", "hello_retry_request", "older_tls", "alert", "broken"};

/// What was seen of a flight. Fields that its kind does not have are 0.
struct observed_flight {
  flight_kind kind = flight_kind::none;
  /// Of the ServerHello: version (0304 is TLS 1.3), suite, group of the key share.
  std::uint16_t version = 0;
  std::uint16_t suite = 0;
  std::uint16_t group = 0;
  /// The description in the alert.
  std::uint8_t alert = 0;
  bool session_id_echoed = false;
  bool change_cipher_spec = false;
  /// There was more than is read.
  bool cut = false;
  /// Types of the ServerHello's extensions, in order.
  bounded_list<std::uint16_t, 8> extensions;
  /// Payload of the application-data records behind it, in order.
  bounded_list<std::uint16_t, 32> records;

  friend bool operator==(const observed_flight&, const observed_flight&) = default;
};

/// Reads a flight as it arrives, in any pieces.
class server_flight_reader {
 public:
  /// The most that is read of application data: more than any client of ours accepts.
  static constexpr std::size_t max_application_data = std::size_t{16} * 1024;

  /// `session_id`: the one in the hello; it is copied.
  explicit server_flight_reader(byte_view session_id) : session_id_{to_bytes(session_id)} {}

  /// Takes the next bytes. Error: `tls_bad_server_flight`, also ever after.
  [[nodiscard]] result<void> feed(byte_view data);

  /// Nothing more is wanted, and what follows is ignored. After a ServerHello of TLS 1.3 that is
  /// only so at the limits: such a flight ends when the site falls silent.
  [[nodiscard]] bool done() const noexcept { return done_; }

  /// The flight, once the site is silent, has closed, or the reader is done. A record that is
  /// not whole makes it `broken`: the network was slow, or the site was interrupted.
  [[nodiscard]] observed_flight finish() const;

 private:
  [[nodiscard]] bool take_header();
  [[nodiscard]] bool take_body(byte_view data);
  [[nodiscard]] bool read_hello();
  [[nodiscard]] bool read_extensions(byte_view data, bool retry);
  [[nodiscard]] bool read_key_share(byte_view data, bool retry);

  bytes session_id_;
  observed_flight flight_;
  /// Of the current record: what has come of the header, its type and what is missing of its body.
  bounded_list<std::uint8_t, 5> header_;
  std::uint8_t type_ = 0;
  std::size_t missing_ = 0;
  /// The ServerHello or alert as far as it has come.
  bytes message_;
  bool done_ = false;
};

}  // namespace mtp
