#include "base/standard_streams.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace carillon {

void keep_standard_streams() noexcept {
    // open() gives the lowest number that is free: in ascending order it is the one that was looked at.
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number)
        if (::fcntl(number, F_GETFD) < 0 && errno == EBADF) (void)::open("/dev/null", O_RDWR);
}

} // namespace carillon
