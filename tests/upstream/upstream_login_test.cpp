#include "upstream/upstream_rig.hpp"

#include <gtest/gtest.h>

// Another user, or another password, while the program runs.
namespace carillon::upstream {
namespace {

using namespace test;
using lines = std::vector<std::string>;

lines said(const std::vector<words>& commands) {
    lines all;
    for (const words& each : commands) all.push_back(joined(each));
    return all;
}

upstream_options with_password(const char* password) {
    upstream_options how = small_options();
    how.password = password;
    return how;
}

TEST(upstream_login, is_shown_at_once_and_at_the_next_greeting) {
    rig r{with_password("old")};
    r.become_live();
    r.take_lines();
    r.link.use_login("default", "new", r.now);
    EXPECT_EQ(said(r.converse()), lines{"AUTH new"});
    r.link.use_login("bell", "newer", r.now);
    EXPECT_EQ(said(r.converse()), lines{"AUTH bell newer"});
    EXPECT_EQ(r.take_lines(), lines{});
    EXPECT_TRUE(r.link.live());

    r.link.on_disconnected("cut", r.now);
    EXPECT_EQ(said(r.become_live()).front(), "HELLO 3 AUTH bell newer SETNAME carillon");
}

TEST(upstream_login, one_that_is_the_same_is_not_shown_again_and_none_never) {
    rig r{with_password("old")};
    r.become_live();
    r.link.use_login("default", "old", r.now);
    EXPECT_TRUE(r.link.output().empty());
    r.link.use_login("default", "", r.now);
    EXPECT_TRUE(r.link.output().empty());
    r.link.on_disconnected("cut", r.now);
    EXPECT_EQ(said(r.become_live()).front(), "HELLO 3 SETNAME carillon");
}

TEST(upstream_login, that_is_refused_is_told_without_it_and_costs_nothing) {
    rig r{with_password("old")};
    r.become_live();
    r.link.want("a", r.now);
    r.converse();
    r.take_lines();
    r.link.use_login("default", "wrong", r.now);
    r.link.publish(1, "a", "x", r.now);
    EXPECT_EQ(said(r.take_commands()), (lines{"AUTH wrong", "PUBLISH a x"}));
    r.receive("-WRONGPASS not wrong, of course\r\n:1\r\n");
    EXPECT_EQ(r.take_lines(), (lines{"login refused WRONGPASS not ***, of course", "published 1 1"}));
    EXPECT_TRUE(r.link.live());
}

TEST(upstream_login, while_it_waits_the_next_attempt_is_now) {
    rig r{with_password("wrong")};
    r.link.on_time(r.now);
    r.link.next_action();
    r.link.on_connected(r.now);
    r.take_commands();
    r.receive("-WRONGPASS no\r\n");
    ASSERT_EQ(r.link.where(), upstream::state::waiting);
    ASSERT_GT(r.link.wake_at(), r.now);
    r.link.use_login("default", "right", r.now);
    EXPECT_EQ(r.link.wake_at(), r.now);
    EXPECT_EQ(said(r.become_live()).front(), "HELLO 3 AUTH default right SETNAME carillon");
}

TEST(upstream_login, without_RESP3_is_shown_where_no_channels_are) {
    rig r;
    r.link.on_time(r.now);
    r.link.next_action();
    r.link.on_connected(r.now);
    for (const words& each : r.take_commands()) r.receive(answer(each, 1, resp::version::resp2));
    for (const words& each : r.take_commands()) r.receive(answer(each, 1, resp::version::resp2));
    r.link.next_action();
    r.link.on_connected(r.now, upstream::line::second);
    for (const words& each : r.take_commands(upstream::line::second))
        r.receive(answer(each, 1, resp::version::resp2), std::string_view::npos, upstream::line::second);
    ASSERT_TRUE(r.link.live());
    r.link.use_login("default", "new", r.now);
    EXPECT_TRUE(r.link.output().empty());
    EXPECT_EQ(said(r.take_commands(upstream::line::second)), lines{"AUTH new"});
}

} // namespace
} // namespace carillon::upstream
