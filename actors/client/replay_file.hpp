// A file of handshakes that were used (codecs/client/replay_record.hpp). Calls of the system that
// may wait for a disk: not for reactors.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "codecs/client/replay_record.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::actors {

/// Open for appending, and locked: of several processes one has it. Its size is always that of
/// whole records, unless the disk refuses even to shorten it.
class replay_file {
 public:
  /// Starts an empty file, with mode 0600, in place of what has this name. Errors, for the
  /// operator: why there is none.
  [[nodiscard]] static tl::expected<replay_file, std::string> create(std::string path);

  struct opened;
  using receiver = std::function<void(const replay_record&)>;
  /// Opens what an earlier run left, and hands its last `most` records to `found`. Errors, for the
  /// operator: a file that can't be trusted, or is in use. No file is no error.
  [[nodiscard]] static tl::expected<std::optional<opened>, std::string> open(std::string path,
                                                                             std::size_t most,
                                                                             const receiver& found);

  /// An error if another process has the file of this name open; else a lock on what is there.
  [[nodiscard]] static tl::expected<net::unique_fd, std::string> lock(const std::string& path);

  /// Appends in one go. Returns why it failed; empty if it did not. After a failure the file ends
  /// with the last record of the append before.
  [[nodiscard]] std::string append(std::span<const replay_record> records);
  /// Has the disk hold all of it. Returns why it failed.
  [[nodiscard]] std::string sync();
  /// Bytes appended since the last `sync`.
  [[nodiscard]] std::size_t unsynced() const noexcept { return unsynced_; }
  /// Gives it the name `path`, in place of another file. Returns why it failed.
  [[nodiscard]] std::string rename_to(const std::string& path);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t records() const noexcept {
    return (size_ - replay_header_size) / replay_record_size;
  }

 private:
  replay_file(std::string path, net::unique_fd fd, std::size_t size)
      : path_{std::move(path)}, fd_{std::move(fd)}, size_{size} {}

  [[nodiscard]] std::string write(byte_view content);
  [[nodiscard]] std::size_t read_records(std::size_t wanted, const receiver& found) const;

  std::string path_;
  net::unique_fd fd_;
  std::size_t size_ = 0;
  std::size_t unsynced_ = 0;
  /// Behind `size_` there is a part of a record.
  bool is_torn_ = false;
};

struct replay_file::opened {
  replay_file file;
  std::size_t read = 0;
  /// Records that were left out: damaged ones, those before the last `most`, a part of one at the
  /// end.
  std::size_t damaged = 0;
  std::size_t too_many = 0;
  bool torn = false;
};

}  // namespace mtp::actors
