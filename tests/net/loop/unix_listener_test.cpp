#include "net/loop/unix_listener.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/support/process.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::net {
namespace {

namespace fs = std::filesystem;

struct fixture {
  test::temporary_directory directory;
  std::string path = (directory.path() / "s").string();

  [[nodiscard]] std::string problem(const std::string& at) const {
    const auto opened = unix_listener::open(at);
    REQUIRE_FALSE(opened);
    return opened.error();
  }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE_FIXTURE(fixture, "unix listener: only its user may use it, and it goes with its owner") {
  {
    const auto listener = unix_listener::open(path);
    REQUIRE(listener);
    struct stat about {};
    REQUIRE(::lstat(path.c_str(), &about) == 0);
    CHECK(S_ISSOCK(about.st_mode));
    CHECK((about.st_mode & 07777) == 0600);
    CHECK((*listener)->accept().outcome == accept_result::kind::none);
    const auto client = connect_unix(path);
    REQUIRE(client);
    const auto accepted = (*listener)->accept().fd;
    REQUIRE(accepted);
    REQUIRE(::send(client->get(), "x", 1, 0) == 1);
    char got = 0;
    CHECK(::recv(accepted.get(), &got, 1, 0) == 1);
    CHECK(got == 'x');
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE_FIXTURE(fixture, "unix listener: another user is turned away, whatever the file's mode") {
  if (::geteuid() != 0) return test::skip("no root: nobody to be but ourselves");
  const auto listener = unix_listener::open(path);
  REQUIRE(listener);
  REQUIRE(::chmod(path.c_str(), 0666) == 0);
  REQUIRE(::chmod(directory.path().c_str(), 0711) == 0);
  constexpr uid_t somebody = 65534;
  for (const uid_t user : {uid_t{0}, somebody}) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(::setuid(user) == 0 && connect_unix(path) ? 0 : 1);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    CHECK(static_cast<bool>((*listener)->accept().fd) == (user == 0));
  }
}

TEST_CASE_FIXTURE(fixture, "unix listener: its file has the mode and the group that are wanted") {
  struct stat about {};
  constexpr gid_t somebodys = 65534;
  const socket_access wanted{.mode = 0660, .group = ::geteuid() == 0 ? somebodys : ::getegid()};
  const auto listener = unix_listener::open(path, wanted, 1);
  REQUIRE(listener);
  REQUIRE(::lstat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0660);
  CHECK(about.st_gid == *wanted.group);
  REQUIRE((*listener)->set_access({.mode = 0604, .group = std::nullopt}));
  REQUIRE(::lstat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0604);
  CHECK(about.st_gid == ::getegid());
  fs::remove(path);
  const auto gone = (*listener)->set_access({});
  REQUIRE_FALSE(gone);
  CHECK(gone.error() == path + " is no longer this process's");
}

TEST_CASE("unix listener: groups are found by name and by number") {
  CHECK(find_group(std::to_string(::getegid())).value() == ::getegid());
  if (::geteuid() == 0) CHECK(find_group("root").value() == 0);
  const auto none = find_group("no-such-group");
  REQUIRE_FALSE(none);
  CHECK(none.error() == "this machine has no group no-such-group");
  CHECK_FALSE(find_group(""));
}

TEST_CASE_FIXTURE(fixture, "unix listener: the directory is made") {
  const auto below = (directory.path() / "a" / "b" / "s").string();
  CHECK(unix_listener::open(below));
}

TEST_CASE_FIXTURE(fixture,
                  "unix listener: what a dead process left is replaced, a live one's stays") {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    const unique_fd dead{::socket(AF_UNIX, SOCK_STREAM, 0)};
    REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(dead.get(), 1) == 0);
  }
  REQUIRE(fs::exists(path));
  const auto heir = unix_listener::open(path);
  REQUIRE(heir);
  CHECK(connect_unix(path));
  CHECK(problem(path) ==
        path + " is served by another process (" + std::to_string(::getpid()) + ")");
  CHECK(connect_unix(path));
}

TEST_CASE_FIXTURE(fixture, "unix listener: it does not remove another one's socket") {
  const auto first = unix_listener::open(path);
  REQUIRE(first);
  fs::remove(path);
  const auto second = unix_listener::open(path);
  REQUIRE(second);
  (*first)->remove();
  CHECK(connect_unix(path));
  (*second)->remove();
  CHECK_FALSE(fs::exists(path));
  // Nothing there any more: no harm.
  (*second)->remove();
}

TEST_CASE_FIXTURE(fixture, "unix listener: what stands in the way is left alone") {
  std::ofstream{path} << "precious";
  CHECK(problem(path) == path + " is there and is not a socket");
  CHECK(fs::file_size(path) == 8);
  CHECK(contains(problem(path + "/below"), "can't make " + path));
}

TEST_CASE_FIXTURE(fixture, "unix listener: a path that does not fit is told with the limit") {
  const auto longest = path + std::string(max_socket_path - path.size(), 'x');
  CHECK(unix_listener::open(longest));
  CHECK(problem(longest + "x") == longest +
                                      "x is longer than the 107 bytes that a UNIX socket's path "
                                      "may have");
  const auto client = connect_unix(longest + "x");
  REQUIRE_FALSE(client);
  CHECK(client.error() == ENAMETOOLONG);
}

TEST_CASE_FIXTURE(fixture, "unix listener: not in a directory that everybody can change") {
  REQUIRE(::chmod(directory.path().c_str(), 0777) == 0);
  CHECK(problem(path) == "everybody can change " + directory.path().string() + " (chmod o-w)");
  // As /tmp: names are safe from others there.
  REQUIRE(::chmod(directory.path().c_str(), 01777) == 0);
  CHECK(unix_listener::open(path));
}

TEST_CASE_FIXTURE(fixture, "unix listener: whoever holds the lock does not hold us for ever") {
  const unique_fd other{::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  REQUIRE(::flock(other.get(), LOCK_EX) == 0);
  CHECK(contains(problem(path), "can't lock " + path + ".lock"));
}

TEST_CASE_FIXTURE(fixture, "unix listener: whoever locks the directory does not keep us out") {
  const unique_fd other{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  REQUIRE(::flock(other.get(), LOCK_EX) == 0);
  CHECK(unix_listener::open(path));
}

}  // namespace
}  // namespace mtp::net
