#include "actors/client/replay_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace mtp::actors {

namespace {

/// Read at once.
constexpr std::size_t records_per_read = 4096;

std::string error_text(int error) {
  return std::generic_category().message(error);
}

std::string open_error_text(int error) {
  if (error == ELOOP) return "it is a symbolic link";
  return error_text(error);
}

/// False if another process has it. A file system without locks is believed to have one user.
bool try_lock(int fd) {
  return ::flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

tl::unexpected<std::string> in_use() {
  return tl::unexpected<std::string>{"another process uses it; each needs a state_dir of its own"};
}

/// Why its content can't be trusted; empty if it can.
std::string distrust(const struct stat& about) {
  if (!S_ISREG(about.st_mode)) return "it is no regular file";
  if (about.st_uid != ::geteuid()) return "it belongs to another user";
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "other users may write to it";
  return {};
}

/// The file was replaced while we waited for nothing: it is not what has the name now.
bool is_at(const std::string& path, const struct stat& about) {
  struct stat there {};
  return ::lstat(path.c_str(), &there) == 0 && there.st_ino == about.st_ino &&
         there.st_dev == about.st_dev;
}

std::size_t read_at(int fd, byte_span into, std::size_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto rest = into.subspan(done);
    const auto got = ::pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + done));
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

tl::expected<replay_file, std::string> replay_file::create(std::string path) {
  ::unlink(path.c_str());
  net::unique_fd fd{::open(path.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
                           S_IRUSR | S_IWUSR)};
  if (!fd) return tl::unexpected{error_text(errno)};
  if (!try_lock(fd.get())) return in_use();
  replay_file file{std::move(path), std::move(fd), 0};
  if (auto why = file.write(encode_replay_header()); !why.empty())
    return tl::unexpected{std::move(why)};
  return file;
}

tl::expected<std::optional<replay_file::opened>, std::string> replay_file::open(
    std::string path, std::size_t most, const receiver& found) {
  net::unique_fd fd{
      ::open(path.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return tl::unexpected{open_error_text(errno)};
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) return tl::unexpected{error_text(errno)};
  if (auto why = distrust(about); !why.empty()) return tl::unexpected{std::move(why)};
  if (!try_lock(fd.get()) || !is_at(path, about)) return in_use();
  ::fchmod(fd.get(), S_IRUSR | S_IWUSR);

  std::array<std::uint8_t, replay_header_size> header{};
  const auto got = read_at(fd.get(), header, 0);
  switch (read_replay_header(byte_view{header}.first(got))) {
    case replay_header::unknown:
      return tl::unexpected<std::string>{"it is damaged, or no file of handshakes"};
    case replay_header::other_version:
      return tl::unexpected<std::string>{"another version of the proxy wrote it"};
    case replay_header::good:
      break;
  }
  const auto size = static_cast<std::size_t>(about.st_size);
  const auto torn = (size - replay_header_size) % replay_record_size;
  opened result{.file = {std::move(path), std::move(fd), size - torn}, .torn = torn != 0};
  auto& file = result.file;
  if (result.torn && ::ftruncate(file.fd_.get(), static_cast<off_t>(file.size_)) != 0)
    return tl::unexpected{error_text(errno)};
  const auto wanted = std::min(file.records(), most);
  result.too_many = file.records() - wanted;
  result.read = file.read_records(wanted, found);
  result.damaged = wanted - result.read;
  return result;
}

tl::expected<net::unique_fd, std::string> replay_file::lock(const std::string& path) {
  net::unique_fd fd{
      ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (fd && !try_lock(fd.get())) return in_use();
  return fd;
}

/// The last `wanted` records; returns how many of them are good.
std::size_t replay_file::read_records(std::size_t wanted, const receiver& found) const {
  bytes buffer(std::min(wanted, records_per_read) * replay_record_size);
  auto offset = size_ - wanted * replay_record_size;
  std::size_t good = 0;
  while (offset < size_) {
    const auto part = byte_span{buffer}.first(std::min(buffer.size(), size_ - offset));
    const auto got = read_at(fd_.get(), part, offset);
    good += decode_replay_records(part.first(got), found);
    if (got < part.size()) break;
    offset += got;
  }
  return good;
}

std::string replay_file::append(std::span<const replay_record> records) {
  bytes content;
  content.reserve(records.size() * replay_record_size);
  for (const auto& record : records)
    encode_replay_record(record, content);
  return write(content);
}

std::string replay_file::write(byte_view content) {
  if (is_torn_) return "the end of the file could not be mended";
  for (auto rest = content; !rest.empty();) {
    const auto written = ::write(fd_.get(), rest.data(), rest.size());
    if (written < 0) {
      auto why = error_text(errno);
      is_torn_ = ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0;
      return why;
    }
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  size_ += content.size();
  unsynced_ += content.size();
  return {};
}

std::string replay_file::sync() {
  if (::fdatasync(fd_.get()) != 0) return error_text(errno);
  unsynced_ = 0;
  return {};
}

std::string replay_file::rename_to(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) return error_text(errno);
  path_ = path;
  return {};
}

}  // namespace mtp::actors
