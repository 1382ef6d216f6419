#include "net/loop/replace_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {

int replace_file(const std::string& path, byte_view content) {
  const auto beside = path + ".new";
  {
    const unique_fd fd{::open(beside.c_str(),
                              O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                              S_IRUSR | S_IWUSR)};
    if (!fd) return errno;
    while (!content.empty()) {
      const auto written = ::write(fd.get(), content.data(), content.size());
      if (written < 0) return errno;
      content = content.subspan(static_cast<std::size_t>(written));
    }
    if (::fsync(fd.get()) != 0) return errno;
  }
  return std::rename(beside.c_str(), path.c_str()) == 0 ? 0 : errno;
}

}  // namespace mtp::net
