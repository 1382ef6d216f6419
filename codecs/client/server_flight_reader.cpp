#include "codecs/client/server_flight_reader.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "codecs/base/field_reader.hpp"
#include "codecs/client/tls_records.hpp"
#include "codecs/client/tls_server_hello.hpp"

namespace mtp {

namespace {

constexpr std::uint16_t tls12 = 0x0303;
constexpr std::uint16_t tls13 = 0x0304;
constexpr std::size_t message_header = 4;
constexpr std::uint8_t type_server_hello = 2;
/// With ML-KEM it has 1210 bytes.
constexpr std::size_t max_server_hello = 4096;
/// RFC 8446, 5.1 and 5.2.
constexpr std::size_t max_plain_record = 16384;
constexpr std::size_t max_encrypted_record = 16384 + 256;
/// A type byte and a tag.
constexpr std::size_t min_encrypted_record = 17;

/// The random that makes a ServerHello a HelloRetryRequest (RFC 8446, 4.1.3).
constexpr std::array<std::uint8_t, 32> retry_random{
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

}  // namespace

result<void> server_flight_reader::feed(byte_view data) {
  while (!data.empty() && !done_) {
    bool sound = true;
    if (missing_ == 0) {
      header_.push_back(data[0]);
      data = data.subspan(1);
      if (header_.size() == tls_record_header_size) sound = take_header();
    } else {
      const auto body = data.first(std::min(data.size(), missing_));
      missing_ -= body.size();
      data = data.subspan(body.size());
      sound = take_body(body);
      if (missing_ == 0) header_ = {};
    }
    if (!sound) {
      flight_.kind = flight_kind::broken;
      done_ = true;
    }
  }
  if (flight_.kind == flight_kind::broken) return fail(errc::tls_bad_server_flight);
  return {};
}

/// Whether the header that has come begins a record that may stand here.
bool server_flight_reader::take_header() {
  const byte_view header{header_.begin(), header_.size()};
  type_ = header[0];
  missing_ = load_be16(header.subspan(3));
  if (header[1] != 3 || header[2] > 3 || missing_ == 0) return false;
  const bool behind_hello = flight_.kind == flight_kind::tls13;
  switch (type_) {
    case tls_handshake:
      return !behind_hello && missing_ <= max_plain_record;
    case tls_alert:
      message_.clear();
      return missing_ == 2;
    case tls_change_cipher_spec:
      return behind_hello && missing_ == 1 && !std::exchange(flight_.change_cipher_spec, true);
    case tls_application_data: {
      if (!behind_hello || missing_ < min_encrypted_record || missing_ > max_encrypted_record)
        return false;
      const auto total = std::accumulate(flight_.records.begin(), flight_.records.end(), missing_);
      flight_.cut = !flight_.records.push_back(static_cast<std::uint16_t>(missing_)) ||
                    total > max_application_data;
      done_ = flight_.cut;
      return true;
    }
    default:
      return false;
  }
}

bool server_flight_reader::take_body(byte_view data) {
  if (type_ == tls_handshake) {
    for (std::size_t i = 0; i < data.size(); ++i) {
      message_.push_back(data[i]);
      if (message_[0] != type_server_hello) return false;
      if (message_.size() < message_header) continue;
      const auto size = message_header + load_be24(byte_view{message_}.subspan(1));
      if (size > max_server_hello) return false;
      if (message_.size() < size) continue;
      if (!read_hello()) return false;
      done_ = flight_.kind != flight_kind::tls13;
      // The keys change behind it, so nothing of its record may be left.
      return done_ || (i + 1 == data.size() && missing_ == 0);
    }
  } else if (type_ == tls_alert) {
    append(message_, data);
    done_ = missing_ == 0;
    if (done_) flight_ = {.kind = flight_kind::alert, .alert = message_[1]};
  }
  return true;
}

bool server_flight_reader::read_hello() {
  field_reader in{byte_view{message_}.subspan(message_header)};
  flight_.version = static_cast<std::uint16_t>(in.be(2));
  const auto random = in.take(retry_random.size());
  flight_.session_id_echoed = std::ranges::equal(in.be_vector(1), session_id_);
  flight_.suite = static_cast<std::uint16_t>(in.be(2));
  in.take(1);  // compression
  // Old versions may have none.
  const auto extensions = in.at_end() ? byte_view{} : in.be_vector(2);
  const bool legacy_version = flight_.version == tls12;
  const bool retry = std::ranges::equal(random, retry_random);
  if (!in.complete() || !read_extensions(extensions, retry)) return false;
  if (flight_.version != tls13) {
    flight_.kind = flight_kind::older_tls;
    return !retry;
  }
  flight_.kind = retry ? flight_kind::hello_retry_request : flight_kind::tls13;
  // A retry may be about a cookie only.
  return legacy_version && (retry || flight_.group != 0);
}

bool server_flight_reader::read_extensions(byte_view data, bool retry) {
  field_reader list{data};
  while (!list.at_end()) {
    const auto type = static_cast<std::uint16_t>(list.be(2));
    const auto body = list.be_vector(2);
    if (!list.ok() || flight_.extensions.contains(type)) return false;
    flight_.extensions.push_back(type);
    if (type == ext_supported_versions) {
      if (body.size() != 2) return false;
      flight_.version = load_be16(body);
    }
    if (type == ext_key_share && !read_key_share(body, retry)) return false;
  }
  return true;
}

bool server_flight_reader::read_key_share(byte_view data, bool retry) {
  field_reader in{data};
  flight_.group = static_cast<std::uint16_t>(in.be(2));
  if (retry) return in.complete();
  const auto share = in.be_vector(2).size();
  if (flight_.group == group_x25519 && share != x25519_key_size) return false;
  if (flight_.group == group_x25519_mlkem768 && share != mlkem768_ciphertext_size + x25519_key_size)
    return false;
  return in.complete() && share != 0;
}

observed_flight server_flight_reader::finish() const {
  auto flight = flight_;
  const bool whole = done_ || (header_.empty() && (message_.empty() || flight.version != 0));
  if (!whole) flight.kind = flight_kind::broken;
  return flight;
}

}  // namespace mtp
