#include "http/cache_control.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace carillon::http {
namespace {

TEST(cache_control, says_how_long_an_answer_may_be_used) {
    struct row {
        std::string_view text;
        std::optional<int> seconds;
    };
    const row rows[] = {
        {"", {}},
        {"public", {}},
        {"max-age=60", 60},
        {"public, max-age=60, must-revalidate", 60},
        {"Max-Age=60", 60},
        {"max-age=\"60\"", 60},
        {"max-age=0", 0},
        {"max-age", {}},
        {"max-age=", 0},
        {"max-age=soon", 0},
        {"max-age=-1", 0},
        {"max-age=99999999999999999999", 2'147'483'647},
        {"s-maxage=60", {}},
        {"no-store", 0},
        {"max-age=60, no-cache", 0},
        {"no-cache, max-age=60", 0},
    };
    for (const row& each : rows) {
        const auto said = max_age_of(each.text);
        EXPECT_EQ(said.has_value(), each.seconds.has_value()) << each.text;
        if (said && each.seconds) { EXPECT_EQ(said->count(), *each.seconds) << each.text; }
    }
}

} // namespace
} // namespace carillon::http
