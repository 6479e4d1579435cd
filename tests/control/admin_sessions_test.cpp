#include "control/admin_sessions.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace carillon::control {
namespace {

using verdict = admin_sessions::verdict;
using std::chrono::seconds;

constexpr std::string_view password = "correct horse battery";
const admin_sessions::clock::time_point start{seconds{1'000'000}};

TEST(control_admin_sessions, a_login_is_good_until_its_time_is_over_or_it_is_ended) {
    admin_sessions all{password, seconds{60}};
    std::string cookie, other;
    ASSERT_EQ(all.log_in(password, start, cookie), verdict::welcome);
    ASSERT_EQ(all.log_in(password, start, other), verdict::welcome);
    EXPECT_EQ(cookie.size(), 64u);
    EXPECT_NE(cookie, other);
    EXPECT_TRUE(all.knows(cookie, start + seconds{59}));
    EXPECT_FALSE(all.knows(cookie, start + seconds{60}));
    EXPECT_FALSE(all.knows("", start));
    EXPECT_FALSE(all.knows(cookie.substr(1), start));
    all.log_out(cookie);
    EXPECT_FALSE(all.knows(cookie, start));
    EXPECT_TRUE(all.knows(other, start));
}

TEST(control_admin_sessions, another_password_is_wrong) {
    for (const std::string_view given : {"", "correct horse", "correct horse battery ", "Correct horse battery"}) {
        admin_sessions all{password, seconds{60}};
        std::string cookie;
        EXPECT_EQ(all.log_in(given, start, cookie), verdict::wrong) << given;
        EXPECT_EQ(cookie, "");
        EXPECT_EQ(all.size(), 0u);
    }
}

TEST(control_admin_sessions, attempts_are_bounded_and_come_back_with_time) {
    admin_sessions all{password, seconds{60}};
    std::string cookie;
    for (std::uint32_t i = 0; i < admin_sessions::attempts_max; ++i)
        EXPECT_EQ(all.log_in("wrong", start, cookie), verdict::wrong);
    EXPECT_EQ(all.log_in(password, start, cookie), verdict::too_many); // right or not, nobody looks at it
    EXPECT_EQ(all.log_in(password, start + admin_sessions::attempt_every - seconds{1}, cookie), verdict::too_many);
    EXPECT_EQ(all.log_in("wrong", start + admin_sessions::attempt_every, cookie), verdict::wrong);
    EXPECT_EQ(all.log_in(password, start + admin_sessions::attempt_every, cookie), verdict::too_many);
    EXPECT_EQ(all.log_in(password, start + 2 * admin_sessions::attempt_every, cookie), verdict::welcome);
}

TEST(control_admin_sessions, one_more_than_the_most_ends_the_oldest) {
    admin_sessions all{password, seconds{60}};
    std::string first, cookie;
    ASSERT_EQ(all.log_in(password, start, first), verdict::welcome);
    for (std::size_t i = 1; i < admin_sessions::sessions_max; ++i) all.log_in(password, start, cookie);
    EXPECT_EQ(all.size(), admin_sessions::sessions_max);
    EXPECT_TRUE(all.knows(first, start));
    all.log_in(password, start, cookie);
    EXPECT_EQ(all.size(), admin_sessions::sessions_max);
    EXPECT_FALSE(all.knows(first, start));
    EXPECT_TRUE(all.knows(cookie, start));
    all.log_in(password, start + seconds{60}, cookie); // those that are over make room
    EXPECT_EQ(all.size(), 1u);
}

} // namespace
} // namespace carillon::control
