#include "takeover/reader.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace carillon::takeover;

client full_client() {
    client made;
    made.id = {1, 2, 3, 0xff};
    made.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    made.format = 3;
    made.awaits_pong = true;
    made.due_ms = 24'999;
    made.expires = 0xffff'ffff;
    made.user = "alice";
    made.info = R"({"name":"A"})";
    made.meta = "{}";
    made.grants = {{"news", true, 5, 17, R"("x")"}, {"private", false, 0, 0, ""}};
    made.fields = {{"cookie", "a=b", false}, {"x-y", "", true}};
    made.subscriptions = {{"news", 0xffff'ffff'ffff'ffff, "abcdefghijklmno", true, false},
                          {"plain", 0, "", false, true}};
    return made;
}

std::vector<std::pair<const char*, message>> all_kinds() {
    return {{"greeting", greeting{version, "1.2.3"}},
            {"offer", offer{"1.2.3", "redis://127.0.0.1:6379", 4}},
            {"refusal", refusal{"no room"}},
            {"listener", listener{listener::kind::bus, "::1", 65'535}},
            {"readiness", readiness{}},
            {"clients", clients{{full_client(), client{}, full_client()}}},
            {"no_clients", clients{}},
            {"end", end{1'000'000}},
            {"acceptance", acceptance{0x1'0000'0000}},
            {"commitment", commitment{}}};
}

// Equal if they are written alike: writing tells all that there is.
TEST(takeover_messages, are_read_as_they_were_written) {
    for (const auto& [name, what] : all_kinds()) {
        const std::string bytes = write(what);
        const auto read_back = read(bytes);
        ASSERT_TRUE(read_back) << name;
        EXPECT_EQ(read_back->index(), what.index()) << name;
        EXPECT_EQ(write(*read_back), bytes) << name;
    }
}

TEST(takeover_messages, have_all_of_a_client) {
    const auto said = read(write(clients{{full_client()}}));
    ASSERT_TRUE(said);
    EXPECT_EQ(std::get<clients>(*said).all, std::vector{full_client()});
}

TEST(takeover_messages, of_which_a_part_is_missing_are_torn) {
    for (const auto& [name, what] : all_kinds()) {
        const std::string bytes = write(what);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const auto cut = read(std::string_view{bytes}.substr(0, size));
            ASSERT_FALSE(cut) << name << ' ' << size;
            EXPECT_EQ(cut.error(), error::torn) << name << ' ' << size;
        }
    }
}

TEST(takeover_messages, with_something_behind_them_are_too_long) {
    for (const auto& [name, what] : all_kinds()) {
        const auto more = read(write(what) + '\0');
        ASSERT_FALSE(more) << name;
        EXPECT_EQ(more.error(), error::too_long) << name;
    }
}

struct bad_bytes {
    const char* name;
    std::string bytes;
    error why;
};

TEST(takeover_messages, that_cannot_be_are_refused) {
    using namespace std::string_literals;
    const bad_bytes rows[] = {
        {"a_kind_that_nobody_knows", "\x7f", error::unknown},
        {"a_listener_of_another_kind", "\x03\x03\0\0\0\0\x50\0"s, error::bad_value},
        {"a_text_longer_than_all", "\x02\xff\xff\xff\xff"s, error::torn},
        {"more_clients_than_there_are_bytes", "\x05\xff\xff\xff\xff"s, error::torn},
    };
    for (const auto& row : rows) {
        const auto said = read(row.bytes);
        ASSERT_FALSE(said) << row.name;
        EXPECT_EQ(said.error(), row.why) << row.name;
    }
    client odd = full_client();
    std::string bytes = write(clients{{odd}});
    const std::size_t place_of_flag = 1 + 4 + 16 + 16 + 1;
    ASSERT_EQ(bytes[place_of_flag], 1);
    bytes[place_of_flag] = 2;
    EXPECT_EQ(read(bytes).error(), error::bad_value);
}

// Whatever it says further: what it is can be told to whoever speaks it.
TEST(takeover_messages, greet_in_every_version) {
    std::string bytes = write(greeting{version, "new"});
    bytes[1] = 77;
    bytes += "and more";
    const auto said = read(bytes);
    ASSERT_TRUE(said);
    EXPECT_EQ(std::get<greeting>(*said).version, 77u);
}

// Bytes that came by chance, or one that is another: never a crash, and what is read can be written.
TEST(takeover_messages, of_any_bytes_are_read_or_refused) {
    std::minstd_rand chance{17};
    for (const auto& [name, what] : all_kinds()) {
        const std::string right = write(what);
        for (int i = 0; i < 20'000; ++i) {
            std::string bytes = right;
            bytes[chance() % bytes.size()] = static_cast<char>(chance());
            const auto said = read(bytes);
            if (!said || std::holds_alternative<greeting>(*said)) continue;
            EXPECT_EQ(write(*said), bytes) << name;
        }
    }
}

TEST(takeover_clients, say_how_long_they_are) {
    const std::string one = write(clients{{full_client()}});
    EXPECT_EQ(one.size(), 1 + 4 + bytes_of(full_client()));
}

} // namespace
