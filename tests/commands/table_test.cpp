#include "commands/documents.hpp"
#include "commands/table.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace carillon::commands {
namespace {

TEST(commands, have_one_name_each_and_something_to_do) {
    std::set<std::string_view> names;
    for (const entry& each : all()) {
        EXPECT_TRUE(names.insert(each.name).second) << each.name;
        EXPECT_TRUE(each.does != action::none || !each.subcommands.empty()) << each.name;
        EXPECT_NE(each.arity, 0) << each.name;
        EXPECT_EQ(find(each.name), &each);
        for (const entry& sub : each.subcommands) {
            EXPECT_TRUE(sub.name.starts_with(std::string{each.name} + "|")) << sub.name;
            EXPECT_NE(sub.does, action::none) << sub.name;
            EXPECT_EQ(find(sub.name), &sub);
        }
    }
}

TEST(commands, are_found_as_they_are_called) {
    const auto name_of = [](auto... words) {
        const std::array<std::string_view, sizeof...(words)> args{words...};
        const entry* const found = find(resp::arguments{args});
        return found == nullptr ? std::string_view{} : found->name;
    };
    EXPECT_EQ(name_of("PUBLISH", "a", "b"), "publish");
    EXPECT_EQ(name_of("Client", "iD"), "client|id");
    EXPECT_EQ(name_of("client"), "client"); // whose arity then says no
    EXPECT_EQ(name_of("client", "nothing"), "");
    EXPECT_EQ(name_of("get", "a"), "");
}

TEST(commands, say_of_themselves_what_redis_says) {
    std::string out;
    append_info(out, *find("ssubscribe"), resp::version::resp2);
    EXPECT_TRUE(out.starts_with("*10\r\n$10\r\nssubscribe\r\n:-2\r\n"));
    EXPECT_NE(out.find("$8\r\nkey_spec"), 0u);
    out.clear();
    append_help(out, "config");
    EXPECT_TRUE(out.starts_with("*5\r\n+CONFIG <subcommand>"));
}

struct {
    std::array<std::string_view, 5> args;
    std::size_t size;
    const char* expected;
} const lists[]{
    {{"COMMAND", "LIST", "FILTERBY", "PATTERN", "ec*"}, 5, "*1\r\n$4\r\necho\r\n"},
    {{"COMMAND", "LIST", "FILTERBY", "ACLCAT", "scripting"},
     5,
     "*6\r\n$4\r\neval\r\n$7\r\nevalsha\r\n$13\r\nscript|exists\r\n$12\r\nscript|flush\r\n$11\r\nscript|help\r\n"
     "$11\r\nscript|load\r\n"},
    {{"COMMAND", "LIST", "FILTERBY", "MODULE", "json"}, 5, "*0\r\n"},
    {{"COMMAND", "LIST", "FILTERBY", "COLOUR", "red"}, 5, nullptr},
    {{"COMMAND", "LIST", "FILTERBY"}, 3, nullptr},
};

TEST(commands, are_listed_by_filter) {
    for (const auto& each : lists) {
        std::string out;
        const bool done = append_names(out, std::span{each.args}.first(each.size));
        EXPECT_EQ(done, each.expected != nullptr) << each.args[3];
        EXPECT_EQ(out, done ? each.expected : "") << each.args[3];
    }
}

} // namespace
} // namespace carillon::commands
