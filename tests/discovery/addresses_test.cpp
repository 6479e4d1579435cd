#include "discovery/addresses.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace carillon::discovery {
namespace {

using address = server_addresses::address;

address numbered(std::uint32_t number) { return {"127.0.0." + std::to_string(number), 6379}; }

// "1 2": the resolver says these. "= 1": this one is tried. "= none": the round is over. "worked": the server was
// there.
struct story {
    const char* name;
    const char* lines;
};

const story stories[] = {
    {"nothing before the name is looked up", "= none\n"},
    {"a name without addresses", "looked up\n= none\n"},
    {"each once, in the order of the resolver", "looked up 3 1 2\n= 3\n= 1\n= 2\n= none\n"},
    {"what is said twice is tried once", "looked up 1 2 1 2\n= 1\n= 2\n= none\n"},
    {"the one that worked ends the round", "looked up 1 2 3\n= 1\n= 2\nworked\n= none\n"},
    {"the one that worked comes first", "looked up 1 2 3\n= 1\n= 2\nworked\nlooked up 1 2 3\n= 2\n= 1\n= 3\n= none\n"},
    {"the one that worked is forgotten when the name has it no more",
     "looked up 1 2\n= 1\n= 2\nworked\nlooked up 3 1\n= 3\n= 1\n= none\n"},
    {"the one that worked and then failed has no precedence any more",
     "looked up 1 2\n= 1\n= 2\nworked\nlooked up 1 2\n= 2\n= 1\n= none\nlooked up 1 2\n= 1\n= 2\n= none\n"},
    {"a look-up begins a new round", "looked up 1 2\n= 1\nlooked up 3\n= 3\n= none\n"},
    {"a look-up that fails leaves none", "looked up 1 2\n= 1\nlooked up\n= none\n"},
};

TEST(server_addresses, are_tried_as_the_stories_say) {
    for (const story& each : stories) {
        SCOPED_TRACE(each.name);
        server_addresses tried;
        std::istringstream lines{each.lines};
        for (std::string line; std::getline(lines, line);) {
            SCOPED_TRACE(line);
            if (line.starts_with("looked up")) {
                std::istringstream numbers{line.substr(9)};
                std::vector<address> found;
                for (std::uint32_t number = 0; numbers >> number;) found.push_back(numbered(number));
                tried.looked_up(found);
            } else if (line == "worked") {
                tried.worked();
            } else {
                const auto next = tried.take();
                ASSERT_EQ(next ? "= " + next->host.substr(8) : "= none", line);
            }
        }
    }
}

TEST(server_addresses, no_more_than_a_round_may_have) {
    std::vector<address> found;
    for (std::uint32_t i = 0; i < 100; ++i) found.push_back(numbered(i));
    server_addresses tried;
    tried.looked_up(found);
    EXPECT_EQ(tried.left(), server_addresses::per_round_max);
    for (std::uint32_t i = 0; i < server_addresses::per_round_max; ++i) ASSERT_EQ(tried.take(), numbered(i));
    EXPECT_FALSE(tried.take());
}

} // namespace
} // namespace carillon::discovery
