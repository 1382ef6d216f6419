#include "tests/e2e/hand_made_hello.hpp"

#include "net/loop/entropy.hpp"

namespace mtp::test {

namespace {

void append_vector8(bytes& into, byte_view body) {
  into.push_back(static_cast<std::uint8_t>(body.size()));
  append(into, body);
}

void append_vector16(bytes& into, byte_view body) {
  append_be16(into, body.size());
  append(into, body);
}

}  // namespace

bytes joined(byte_view first, byte_view second) {
  auto all = to_bytes(first);
  append(all, second);
  return all;
}

bytes record_of(std::uint8_t type, std::size_t version, byte_view body, std::size_t size) {
  bytes record{type};
  append_be16(record, version);
  append_be16(record, size);
  append(record, body);
  return record;
}

bytes record_of(std::uint8_t type, std::size_t version, byte_view body) {
  return record_of(type, version, body, body.size());
}

bytes extension_of(std::size_t type, byte_view body) {
  bytes extension;
  append_be16(extension, type);
  append_vector16(extension, body);
  return extension;
}

bytes server_name_extension(std::string_view name) {
  bytes entry{0};
  append_vector16(entry, as_bytes(name));
  bytes list;
  append_vector16(list, entry);
  return extension_of(0x0000, list);
}

bytes tls12_extensions(std::string_view name) {
  auto all = server_name_extension(name);
  append(all, extension_of(0x000b, bytes{1, 0}));
  append(all, extension_of(0x000a, bytes{0, 4, 0, 29, 0, 23}));
  append(all, extension_of(0x000d, bytes{0, 10, 8, 4, 4, 1, 8, 5, 5, 1, 2, 1}));
  append(all, extension_of(0x0017, {}));
  return all;
}

bytes tls13_extensions(byte_view share) {
  auto all = tls12_extensions();
  append(all, extension_of(0x002b, bytes{2, 3, 4}));
  append(all, extension_of(0x002d, bytes{1, 1}));
  bytes shares;
  if (!share.empty()) {
    append_be16(shares, 0x001d);
    append_vector16(shares, share);
  }
  bytes list;
  append_vector16(list, shares);
  append(all, extension_of(0x0033, list));
  return all;
}

bytes hand_made_hello::message() const {
  bytes body;
  append_be16(body, version);
  append(body, net::random_array<32>());
  append_vector8(body, session_id);
  append_vector16(body, suites);
  append_vector8(body, compressions);
  if (!extensions.empty()) append_vector16(body, extensions);
  bytes message{1, 0};
  append_vector16(message, body);
  return message;
}

bytes hand_made_hello::record() const {
  return record_of(22, record_version, message());
}

}  // namespace mtp::test
