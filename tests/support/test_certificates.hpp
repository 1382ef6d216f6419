// Certificates made while a test runs.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "net/tls/tls_context.hpp"

namespace mtp::test {

enum class key_usage : std::uint8_t { both, server, client };
enum class key_kind : std::uint8_t { p256, rsa2048 };

struct certificate_options {
  std::string name = "node";
  key_usage usage = key_usage::both;
  /// Validity, from now on.
  std::chrono::seconds from = -std::chrono::hours{1};
  std::chrono::seconds until = std::chrono::hours{24};
  /// Put into the subject as a second CN, if not empty.
  std::string second_name;
  key_kind key = key_kind::p256;
};

/// A CA whose files are in a directory of the test's.
class certificate_authority {
 public:
  /// Writes NAME.pem. Two of the same name are not the same.
  certificate_authority(const std::filesystem::path& directory, const std::string& name);
  certificate_authority(const certificate_authority&) = delete;
  certificate_authority& operator=(const certificate_authority&) = delete;
  certificate_authority(certificate_authority&&) = delete;
  certificate_authority& operator=(certificate_authority&&) = delete;
  ~certificate_authority();

  /// Writes certificate and key of a node, to FILE.pem and FILE.key; `ca` is this one.
  [[nodiscard]] net::tls_files issue(const std::string& file,
                                     const certificate_options& options) const;
  [[nodiscard]] std::string file() const { return file_; }

 private:
  struct identity;

  std::filesystem::path directory_;
  std::string file_;
  std::unique_ptr<identity> own_;
};

}  // namespace mtp::test
