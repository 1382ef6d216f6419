#include "net/loop/unix_listener.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace mtp::net {

namespace {

using namespace std::chrono_literals;

constexpr mode_t permission_bits = 07777;
/// Larger entries of the table of groups are not read.
constexpr std::size_t max_group_entry = std::size_t{1} << 22;

constexpr auto lock_patience = 1s;
constexpr auto lock_interval = 20ms;

tl::unexpected<std::string> failure(const std::string& action, int error) {
  return tl::unexpected{action + ": " + std::generic_category().message(error)};
}

unique_fd make_socket() {
  return unique_fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

/// For the operator: why `make_socket` failed.
tl::unexpected<std::string> no_socket(int error) {
  const bool forbidden = error == EAFNOSUPPORT || error == EPERM || error == EACCES;
  return failure(forbidden ? "this process may not use UNIX sockets (does the unit's "
                             "RestrictAddressFamilies= leave out AF_UNIX?)"
                           : "can't make a UNIX socket",
                 error);
}

std::optional<sockaddr_un> to_unix_address(const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() > max_socket_path) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* as_sockaddr(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// The process at the other end; for a connection that was made here, the listening process.
std::optional<ucred> peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return credentials;
}

/// Makes the directory if there is none; an error if others can put their socket in our place.
tl::expected<void, std::string> check_directory(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return tl::unexpected{"can't make " + path.string() + ": " + error.message()};
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return failure(path.string(), errno);
  if ((about.st_mode & S_IWOTH) != 0 && (about.st_mode & S_ISVTX) == 0)
    return tl::unexpected{"everybody can change " + path.string() + " (chmod o-w)"};
  return {};
}

/// Of two processes that start at once one sees the other. The lock ends with the descriptor; the
/// file stays, for us alone to lock.
tl::expected<unique_fd, std::string> lock_place(const std::string& path) {
  unique_fd lock{
      ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (!lock) return failure("can't open " + path, errno);
  const auto deadline = std::chrono::steady_clock::now() + lock_patience;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > deadline) return failure("can't lock " + path, errno);
    std::this_thread::sleep_for(lock_interval);
  }
  return lock;
}

/// Removes a socket on which no process listens; an error if there is something else.
tl::expected<void, std::string> clear_place(const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0)
    return errno == ENOENT ? tl::expected<void, std::string>{} : failure(path, errno);
  if (!S_ISSOCK(about.st_mode)) return tl::unexpected{path + " is there and is not a socket"};
  const auto served = connect_unix(path);
  if (served || served.error() == EAGAIN) {
    const auto owner = served ? peer_of(served->get()) : std::nullopt;
    return tl::unexpected{path + " is served by another process" +
                          (owner ? " (" + std::to_string(owner->pid) + ")" : std::string{})};
  }
  if (served.error() != ECONNREFUSED) return failure(path, served.error());
  if (::unlink(path.c_str()) != 0) return failure("can't replace " + path, errno);
  return {};
}

std::optional<gid_t> group_id(const std::string& text) {
  gid_t id = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, id);
  // For chown(2) -1 is no group.
  if (error == std::errc{} && rest == end && id != static_cast<gid_t>(-1)) return id;
  // Of all members of a large group.
  std::vector<char> buffer(std::size_t{1} << 16);
  group entry{};
  group* found = nullptr;
  while (::getgrnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
         buffer.size() < max_group_entry)
    buffer.resize(buffer.size() * 2);
  return found != nullptr ? std::optional{found->gr_gid} : std::nullopt;
}

bool is_member(gid_t wanted) {
  if (::geteuid() == 0 || ::getegid() == wanted) return true;
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
  return count > 0 && ::getgroups(count, groups.data()) == count &&
         std::ranges::find(groups, wanted) != groups.end();
}

}  // namespace

tl::expected<gid_t, std::string> find_group(const std::string& text) {
  const auto group = group_id(text);
  if (!group) return tl::unexpected{"this machine has no group " + text};
  if (!is_member(*group))
    return tl::unexpected{"this process is not a member of the group " + text +
                          ", so it can't give it a socket (usermod -aG " + text +
                          " and its user, or SupplementaryGroups= in the unit)"};
  return *group;
}

tl::expected<std::unique_ptr<unix_listener>, std::string> unix_listener::open(
    const std::string& path, const socket_access& access, int backlog) {
  const auto address = to_unix_address(path);
  if (!address)
    return tl::unexpected{path + " is longer than the " + std::to_string(max_socket_path) +
                          " bytes that a UNIX socket's path may have"};
  auto fd = make_socket();
  if (!fd) return no_socket(errno);
  const auto parent = std::filesystem::path{path}.parent_path();
  if (auto usable = check_directory(parent.empty() ? "." : parent); !usable)
    return tl::unexpected{usable.error()};
  const auto lock = lock_place(path + ".lock");
  if (!lock) return tl::unexpected{lock.error()};
  if (auto cleared = clear_place(path); !cleared) return tl::unexpected{cleared.error()};
  if (::bind(fd.get(), as_sockaddr(*address), sizeof *address) != 0) return failure(path, errno);
  std::unique_ptr<unix_listener> listener{new unix_listener{std::move(fd), path}};
  // No process can connect before listen(), so others never can.
  if (auto set = listener->set_access(access); !set) return tl::unexpected{set.error()};
  if (::listen(listener->fd(), backlog) != 0) return failure(path, errno);
  return listener;
}

/// By a descriptor of the file: a user who may change the directory must not lead us to another
/// file.
tl::expected<void, std::string> unix_listener::set_access(const socket_access& access) const {
  const unique_fd file{::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0 || !is_ours(about))
    return tl::unexpected{path_ + " is no longer this process's"};
  const auto named = "/proc/self/fd/" + std::to_string(file.get());
  const mode_t before = about.st_mode & permission_bits;
  const auto group = access.group.value_or(::getegid());
  const bool has_group = about.st_gid == group;
  if (has_group && before == access.mode) return {};
  // Members of the next group must not get what was for those of the last one.
  const auto change = [&] {
    return (has_group ||
            (::chmod(named.c_str(), S_IRUSR | S_IWUSR) == 0 &&
             ::fchownat(file.get(), "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH) == 0)) &&
           ::chmod(named.c_str(), access.mode) == 0;
  };
  if (change()) return {};
  const int error = errno;
  static_cast<void>(::chmod(named.c_str(), before));
  return failure(path_, error);
}

unix_listener::unix_listener(unique_fd fd, std::string path)
    : fd_{std::move(fd)}, path_{std::move(path)} {
  struct stat about {};
  if (::lstat(path_.c_str(), &about) != 0) return;
  device_ = about.st_dev;
  inode_ = about.st_ino;
}

accept_result unix_listener::accept() const {
  auto result = accept_from(fd_.get());
  if (result.outcome != accept_result::kind::accepted) return result;
  // The file's mode keeps other users out already, unless it was changed.
  const auto peer = peer_of(result.fd.get());
  if (peer && (peer->uid == 0 || peer->uid == ::geteuid())) return result;
  return {.outcome = accept_result::kind::again, .fd = {}};
}

bool unix_listener::is_in_place() const noexcept {
  struct stat about {};
  return ::lstat(path_.c_str(), &about) == 0 && is_ours(about);
}

void unix_listener::remove() const noexcept {
  if (is_in_place()) ::unlink(path_.c_str());
}

tl::expected<unique_fd, int> connect_unix(const std::string& path) {
  const auto address = to_unix_address(path);
  if (!address) return tl::unexpected{ENAMETOOLONG};
  auto fd = make_socket();
  if (!fd || ::connect(fd.get(), as_sockaddr(*address), sizeof *address) != 0)
    return tl::unexpected{errno};
  return fd;
}

}  // namespace mtp::net
