#include "upstream/upstream_rig.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// Patterns that are wanted: PSUBSCRIBE beside SUBSCRIBE.
namespace carillon::upstream::test {
namespace {

using lines = std::vector<std::string>;

lines spoken(const std::vector<words>& commands) {
    lines all;
    for (const words& each : commands) all.push_back(joined(each));
    return all;
}

std::string matched(std::string_view pattern, std::string_view channel, std::string_view payload,
                    resp::version version = resp::version::resp3) {
    std::string out;
    resp::append_pattern_message(out, pattern, channel, payload, version);
    return out;
}

TEST(upstream_patterns, are_asked_for_heard_and_left_in_whatever_pieces_the_bytes_arrive) {
    const std::string bytes = matched("n:*", "n:a", "1") + message("n:a", "1") + matched("n:*", "n:b", "2");
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        rig r;
        r.become_live();
        r.link.want("n:*", r.now, true);
        r.link.want("n:a", r.now);
        EXPECT_EQ(spoken(r.converse()), (lines{"PSUBSCRIBE n:*", "SUBSCRIBE n:a"}));
        EXPECT_EQ(r.take_lines(), (lines{"back", "subscribed n:*", "subscribed n:a"}));
        r.receive(bytes, piece);
        EXPECT_EQ(r.take_lines(), (lines{"matched n:* n:a 1", "message n:a 1", "matched n:* n:b 2"}));
        r.link.release("n:*", r.now);
        r.link.release("n:a", r.now);
        r.pass(60ms);
        EXPECT_EQ(spoken(r.converse()), (lines{"UNSUBSCRIBE n:a", "PUNSUBSCRIBE n:*"}));
        EXPECT_EQ(r.link.channels(), 0u);
        r.link.check_invariants();
    }
}

TEST(upstream_patterns, are_asked_for_again_as_patterns_when_the_connection_is_back) {
    rig r;
    r.become_live();
    r.link.want("n:*", r.now, true);
    r.link.want("n:a", r.now);
    r.converse();
    r.link.on_disconnected("gone", r.now);
    r.take_lines();
    auto said = spoken(r.become_live());
    std::sort(said.begin(), said.end());
    EXPECT_EQ(said, (lines{"HELLO 3 SETNAME carillon", "PSUBSCRIBE n:*", "SUBSCRIBE n:a"}));
    r.link.check_invariants();
}

TEST(upstream_patterns, a_confirmation_of_the_other_kind_is_none) {
    rig r;
    r.become_live();
    r.link.want("n:*", r.now, true);
    r.take_commands();
    r.receive(confirmation("subscribe", "n:*"));
    EXPECT_EQ(r.link.where(), upstream::state::waiting);
}

TEST(upstream_patterns, one_that_the_server_forbids_is_refused) {
    rig r;
    r.become_live();
    r.link.want("n:*", r.now, true);
    r.take_commands();
    r.receive("-NOPERM no\r\n");
    EXPECT_EQ(r.take_lines(), (lines{"back", "refused n:* denied"}));
    r.link.release("n:*", r.now);
    EXPECT_EQ(r.link.channels(), 0u);
}

} // namespace
} // namespace carillon::upstream::test
