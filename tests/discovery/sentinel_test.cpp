#include "discovery/sentinel.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::discovery {
namespace {

const std::string asks = "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$8\r\nmymaster\r\n";

struct question_case {
    const char* name;
    sentinel_options how;
    std::string question;
};

TEST(sentinel_talk, asks_as_somebody_if_there_is_a_password) {
    const question_case cases[] = {
        {"nobody", {.master = "mymaster"}, asks},
        {"the default user, as before Redis 6.2",
         {.master = "mymaster", .password = "ring"},
         "*2\r\n$4\r\nAUTH\r\n$4\r\nring\r\n" + asks},
        {"a user",
         {.master = "mymaster", .user = "ann", .password = "ring"},
         "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$4\r\nring\r\n" + asks},
    };
    for (const auto& [name, how, question] : cases) EXPECT_EQ(sentinel_talk{how}.question(), question) << name;
}

struct answer_case {
    const char* name;
    const char* password;
    std::string bytes;
    const char* expected; // "HOST:PORT", or why there is none; empty: more has to come
};

const answer_case answers[] = {
    {"an address", "", "*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n", "10.0.0.1:6379"},
    {"IPv6", "", "*2\r\n$3\r\n::1\r\n$1\r\n7\r\n", "[::1]:7"},
    {"a name", "", "*2\r\n$3\r\ndb1\r\n$5\r\n65535\r\n", "db1:65535"},
    {"behind the login", "ring", "+OK\r\n*2\r\n$3\r\ndb1\r\n$4\r\n6379\r\n", "db1:6379"},
    {"the login alone", "ring", "+OK\r\n", ""},
    {"half of it", "", "*2\r\n$8\r\n10.0.0.1\r\n$4\r\n63", ""},
    {"a master that it does not watch", "", "*-1\r\n", "it watches no master of the name mymaster"},
    {"the same in RESP3", "", "_\r\n", "it watches no master of the name mymaster"},
    {"a password is wanted", "", "-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required."},
    {"a password is wrong", "ring", "-WRONGPASS invalid ring\r\n", "WRONGPASS invalid ***"},
    {"no Sentinel", "", "-ERR unknown command 'SENTINEL', with args beginning with: 'x'\r\n",
     "ERR unknown command 'SENTINEL'"},
    {"an error without a word", "", "-\r\n", "its answer is an error without a word"},
    {"a word", "", "+OK\r\n", "its answer is none of a Sentinel"},
    {"no port", "", "*1\r\n$3\r\ndb1\r\n", "its answer is none of a Sentinel"},
    {"port 0", "", "*2\r\n$3\r\ndb1\r\n$1\r\n0\r\n", "its answer is none of a Sentinel"},
    {"a port too large", "", "*2\r\n$3\r\ndb1\r\n$5\r\n65536\r\n", "its answer is none of a Sentinel"},
    {"something behind the port", "", "*2\r\n$3\r\ndb1\r\n$2\r\n7x\r\n", "its answer is none of a Sentinel"},
    {"no host", "", "*2\r\n$0\r\n\r\n$1\r\n7\r\n", "its answer is none of a Sentinel"},
    {"a path", "", "*2\r\n$2\r\n/x\r\n$1\r\n7\r\n", "its answer is none of a Sentinel"},
    {"a line break", "", "*2\r\n$3\r\na\nb\r\n$1\r\n7\r\n", "its answer is none of a Sentinel"},
    {"a host too long", "", "*2\r\n$254\r\n" + std::string(254, 'a') + "\r\n$1\r\n7\r\n",
     "its answer is none of a Sentinel"},
    {"far too much", "", "$100000\r\n" + std::string(100'000, 'a') + "\r\n", "its answer is none of a Sentinel"},
};

TEST(sentinel_talk, an_answer_is_an_address_or_a_reason_however_it_is_cut) {
    for (const auto& [name, password, bytes, expected] : answers) {
        for (const std::size_t piece : {bytes.size(), std::size_t{1}, std::size_t{7}}) {
            sentinel_talk talk{{.master = "mymaster", .password = password}};
            std::optional<sentinel_talk::outcome> said;
            for (std::size_t at = 0; at < bytes.size() && !said; at += piece)
                said = talk.on_received(std::string_view{bytes}.substr(at, piece));
            std::string text;
            if (said) text = said->why.empty() ? to_string(said->master) : said->why;
            EXPECT_EQ(text, expected) << name << " in pieces of " << piece;
        }
    }
}

TEST(sentinel_talk, what_is_no_reply_ends_it) {
    sentinel_talk talk{{.master = "mymaster"}};
    const auto said = talk.on_received("HTTP/1.1 400 Bad Request\r\n");
    ASSERT_TRUE(said);
    EXPECT_FALSE(said->why.empty());
}

struct votes_case {
    const char* name;
    std::vector<const char*> said; // "" says nothing; the one in use is "a"
    bool disputed;
    const char* majority; // "": none
};

TEST(sentinel_votes, more_than_half_of_all_decide) {
    const votes_case cases[] = {
        {"nobody has been asked", {"", "", ""}, false, ""},
        {"one says so", {"a", "", ""}, false, ""},
        {"all say so", {"a", "a", "a"}, false, "a"},
        {"one is behind the times", {"b", "a", "a"}, true, "a"},
        {"two of three", {"b", "b", "a"}, true, "b"},
        {"two of three, the other is silent", {"b", "b", ""}, true, "b"},
        {"one of three is not enough", {"b", "", ""}, true, ""},
        {"half is not enough", {"b", "b", "a", "a"}, true, ""},
        {"everybody says something else", {"b", "c", "d"}, true, ""},
        {"the only one", {"b"}, true, "b"},
    };
    for (const auto& [name, said, disputed, majority] : cases) {
        sentinel_votes votes{said.size()};
        for (std::size_t i = 0; i < said.size(); ++i) {
            EXPECT_EQ(votes.next(), i) << name;
            if (*said[i] != '\0') votes.said(i, place{said[i], 6379});
        }
        EXPECT_EQ(votes.next(), 0u) << name;
        EXPECT_EQ(votes.disputed({"a", 6379}), disputed) << name;
        const auto found = votes.majority();
        EXPECT_EQ(found ? found->host : "", majority) << name;
        votes.forget();
        EXPECT_FALSE(votes.majority() || votes.disputed({"a", 6379})) << name;
    }
}

TEST(sentinel_votes, who_has_fallen_silent_has_no_vote) {
    sentinel_votes votes{3};
    votes.said(0, place{"b", 1});
    votes.said(1, place{"b", 1});
    ASSERT_TRUE(votes.majority());
    votes.said(1, std::nullopt);
    EXPECT_FALSE(votes.majority());
}

TEST(place, is_shown_as_it_is_given) {
    EXPECT_EQ(to_string(place{"bus", 6379}), "bus:6379");
    EXPECT_EQ(to_string(place{"::1", 7}), "[::1]:7");
    EXPECT_EQ(to_string(place{"/run/redis.sock"}), "/run/redis.sock");
}

} // namespace
} // namespace carillon::discovery
