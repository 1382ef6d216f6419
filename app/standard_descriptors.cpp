#include "app/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

namespace mtp::app {

void fill_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free is taken, which is this one. Where there is no /dev/null,
    // nothing can be read from the directory or written to it either.
    if (::open("/dev/null", O_RDWR) != descriptor &&
        ::open("/", O_PATH | O_DIRECTORY) != descriptor)
      ::_exit(1);
  }
}

}  // namespace mtp::app
