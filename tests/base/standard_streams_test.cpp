#include "base/standard_streams.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carillon {
namespace {

// In a process of its own, whose exit code says which of the streams that were closed are something else now.
int streams_after_closing(bool in, bool out, bool err) {
    const bool closed[] = {in, out, err};
    for (int number = 0; number < 3; ++number)
        if (closed[number]) ::close(number);
    keep_standard_streams();
    struct stat null{}, found{};
    ::stat("/dev/null", &null);
    int wrong = 0;
    for (int number = 0; number < 3; ++number) {
        const bool open = ::fstat(number, &found) == 0;
        if (!open || (closed[number] && found.st_rdev != null.st_rdev)) wrong |= 1 << number;
    }
    return wrong;
}

TEST(standard_streams, those_that_are_closed_lead_nowhere_and_the_others_stay) {
    for (int which = 0; which < 8; ++which)
        EXPECT_EXIT(::_exit(streams_after_closing(which & 1, which & 2, which & 4)), testing::ExitedWithCode(0), "")
            << which;
}

} // namespace
} // namespace carillon
