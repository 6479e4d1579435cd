#include "gateway/upstream_log.hpp"

#include <gtest/gtest.h>

namespace carillon::gateway {
namespace {

TEST(upstream_log, names_the_channel_of_a_message_that_is_too_large_in_one_line) {
    EXPECT_EQ(oversized_line("news", 8'000'000, 65'536),
              "a message of 8000000 bytes on 'news' was dropped: bus_payload_bytes_max is 65536");
    EXPECT_EQ(oversized_line("a\n\x7f\xc3\xa9", 2, 1),
              "a message of 2 bytes on 'a??\xc3\xa9' was dropped: bus_payload_bytes_max is 1");
}

} // namespace
} // namespace carillon::gateway
