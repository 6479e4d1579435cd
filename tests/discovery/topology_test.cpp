#include "discovery/topology.hpp"
#include "resp/writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace carillon::discovery {
namespace {

const std::string asks = "*2\r\n$7\r\nCLUSTER\r\n$4\r\nINFO\r\n*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";

struct question_case {
    const char* name;
    cluster_login who;
    std::string question;
};

TEST(cluster_talk, asks_as_somebody_if_there_is_a_password) {
    const question_case cases[] = {
        {"nobody", {}, asks},
        {"the default user", {.password = "ring"}, "*2\r\n$4\r\nAUTH\r\n$4\r\nring\r\n" + asks},
        {"a user", {"ann", "ring"}, "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$4\r\nring\r\n" + asks},
    };
    for (const auto& [name, who, question] : cases) EXPECT_EQ((cluster_talk{who, {}}.question()), question) << name;
}

std::string text(std::string_view what) {
    std::string made;
    resp::append_bulk(made, what);
    return made;
}

const std::string up = text("cluster_state:ok\r\ncluster_current_epoch:6\r\n");

// As Redis 7 writes it, with the node's ID and what else there is to say of it.
std::string node(std::string_view host, int port) {
    return "*4\r\n" + text(host) + ":" + std::to_string(port) + "\r\n" + text("id") + "*2\r\n" + text("hostname") +
           text("h");
}
std::string range(int first, int last, const std::vector<std::string>& nodes) {
    std::string made = "*" + std::to_string(2 + nodes.size()) + "\r\n:" + std::to_string(first) +
                       "\r\n:" + std::to_string(last) + "\r\n";
    for (const std::string& each : nodes) made += each;
    return made;
}

// "0-5 a:1, 6-7 b:2 (a:1 b:2 c:3)", the nodes in parentheses.
std::string shown(const topology& of) {
    std::string made;
    for (const auto& [first, last, primary] : of.ranges)
        made += std::to_string(first) + "-" + std::to_string(last) + " " + to_string(primary) + " ";
    made += "(";
    for (const place& each : of.nodes) made += (made.ends_with("(") ? "" : " ") + to_string(each);
    return made + ")";
}

struct answer_case {
    const char* name;
    const char* password;
    std::string bytes;
    std::string expected; // as shown(), or why there is none; empty: more has to come
};

const std::string nonsense = "its answer is none of a cluster's node";

const answer_case answers[] = {
    {"a primary with everything", "", up + "*1\r\n" + range(0, 16'383, {node("10.0.0.1", 7)}),
     "0-16383 10.0.0.1:7 (10.0.0.1:7)"},
    {"two with replicas, one of them twice", "",
     up + "*3\r\n" + range(0, 5, {node("a", 1), node("b", 2)}) + range(6, 6, {node("c", 3), node("b", 4)}) +
         range(9, 9, {node("a", 1), node("b", 2)}),
     "0-5 a:1 6-6 c:3 9-9 a:1 (a:1 b:2 b:4 c:3)"},
    {"as before Redis 4", "", up + "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n" + text("a") + ":1\r\n", "0-1 a:1 (a:1)"},
    {"a node that does not know its address", "", up + "*1\r\n" + range(0, 1, {node("", 7), node("?", 8)}),
     "0-1 asked:7 (asked:7 asked:8)"},
    {"the same with a null", "", up + "*1\r\n*3\r\n:0\r\n:1\r\n*3\r\n$-1\r\n:7\r\n" + text("id"),
     "0-1 asked:7 (asked:7)"},
    {"IPv6", "", up + "*1\r\n" + range(0, 1, {node("::1", 7)}), "0-1 [::1]:7 ([::1]:7)"},
    {"a replica that cannot be read is left out", "", up + "*1\r\n" + range(0, 1, {node("a", 7), node("b c", 8)}),
     "0-1 a:7 (a:7)"},
    {"behind the login", "ring", "+OK\r\n" + up + "*1\r\n" + range(0, 1, {node("a", 7)}), "0-1 a:7 (a:7)"},
    {"the first answer alone", "", up, ""},
    {"half of the second", "", up + "*1\r\n*3\r\n:0\r\n", ""},
    {"the cluster is down", "", text("cluster_state:fail\r\ncluster_current_epoch:6\r\n"),
     "it says that the cluster is down"},
    {"no slots", "", up + "*0\r\n", "its cluster has no slots"},
    {"no cluster", "", "-ERR This instance has cluster support disabled\r\n",
     "ERR This instance has cluster support disabled"},
    {"a password is wanted", "", "-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required."},
    {"a password is wrong", "ring", "-WRONGPASS invalid ring\r\n", "WRONGPASS invalid ***"},
    {"no epoch", "", text("cluster_state:ok\r\n"), nonsense},
    {"a word for the slots", "", up + "+OK\r\n", nonsense},
    {"slots that there are not", "", up + "*1\r\n" + range(0, 16'384, {node("a", 7)}), nonsense},
    {"backwards", "", up + "*1\r\n" + range(5, 4, {node("a", 7)}), nonsense},
    {"nobody has them", "", up + "*1\r\n" + range(5, 6, {}), nonsense},
    {"no port", "", up + "*1\r\n" + range(5, 6, {node("a", 0)}), nonsense},
    {"a path", "", up + "*1\r\n" + range(5, 6, {node("/run/x", 1)}), nonsense},
    {"a host too long", "", up + "*1\r\n" + range(5, 6, {node(std::string(254, 'a'), 1)}), nonsense},
    {"a range that is a number", "", up + "*1\r\n:5\r\n", nonsense},
};

TEST(cluster_talk, an_answer_is_a_topology_or_a_reason_however_it_is_cut) {
    for (const auto& [name, password, bytes, expected] : answers) {
        for (const std::size_t piece : {bytes.size(), std::size_t{1}, std::size_t{7}}) {
            cluster_talk talk{{.password = password}, {"asked", 1}};
            bool over = false;
            for (std::size_t at = 0; at < bytes.size() && !over; at += piece)
                over = talk.on_received(std::string_view{bytes}.substr(at, piece));
            std::string found;
            if (over) found = talk.why().empty() ? shown(talk.said()) : talk.why();
            EXPECT_EQ(found, expected) << name << " in pieces of " << piece;
            EXPECT_EQ(talk.said().epoch, over && talk.why().empty() ? 6u : talk.said().epoch) << name;
        }
    }
}

TEST(cluster_talk, reads_a_cluster_whose_slots_are_all_over_the_place) {
    std::string bytes = up + "*16384\r\n";
    for (int slot = 0; slot < 16'384; ++slot)
        bytes += range(slot, slot, {node("a", 1 + slot % 3), node("b", 1), node("c", 1)});
    cluster_talk talk{{}, {}};
    ASSERT_TRUE(talk.on_received(bytes));
    EXPECT_EQ(talk.why(), "");
    EXPECT_EQ(talk.said().ranges.size(), 16'384u);
    EXPECT_EQ(talk.said().primaries(), 3u);
    EXPECT_EQ(talk.said().nodes.size(), 5u);
}

TEST(cluster_talk, what_is_no_reply_or_far_too_much_ends_it) {
    for (const std::string& bytes :
         {std::string{"HTTP/1.1 400 Bad Request\r\n"}, "$100000\r\n" + std::string(99, 'a')}) {
        cluster_talk talk{{}, {}};
        ASSERT_TRUE(talk.on_received(bytes));
        EXPECT_NE(talk.why(), "");
    }
}

} // namespace
} // namespace carillon::discovery
