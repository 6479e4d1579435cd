#include "base/bytes.hpp"
#include "base/check.hpp"

#include <gtest/gtest.h>

namespace carillon {
namespace {

TEST(check, a_broken_invariant_ends_the_process_and_names_the_expression) {
    EXPECT_DEATH(CHECK(1 + 1 == 3), "check failed: 1 \\+ 1 == 3");
}

TEST(bytes, text_and_bytes_are_views_of_the_same_memory) {
    const std::string_view text = "bell";
    EXPECT_EQ(as_text(as_bytes(text)).data(), text.data());
    EXPECT_EQ(as_text(as_bytes(text)), text);
}

} // namespace
} // namespace carillon
