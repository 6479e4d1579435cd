#include "ledger/library.hpp"

#include <gtest/gtest.h>

#include <string>

// What is in it. What it does is tried with a Redis (tests/node/redis_streams.test.mjs).
namespace carillon::ledger {
namespace {

channels::name_space named(const char* name, std::size_t history) {
    channels::name_space made;
    made.name = name;
    made.history_size = history;
    return made;
}

TEST(library, has_the_rules_of_each_namespace) {
    library_rules how;
    how.namespaces = {named("chat", 100), named("a-b", 0)};
    how.namespaces[1].wildcard = true;
    const std::string text = library_of(how);
    EXPECT_TRUE(text.starts_with("#!lua name=carillon\n")) << text.substr(0, 100);
    EXPECT_NE(text.find("local prefix, name = 'carillon', 'carillon_publish'\n"), text.npos);
    EXPECT_NE(text.find("  [''] = {'0', '300', '2592000', false},\n"), text.npos) << "there are channels without one";
    EXPECT_NE(text.find("  ['chat'] = {'100', '300', '2592000', false},\n"), text.npos);
    EXPECT_NE(text.find("  ['a\\045b'] = {'0', '300', '2592000', true},\n"), text.npos);
}

TEST(library, channels_without_a_namespace_have_what_is_written_down) {
    library_rules how;
    how.namespaces = {named("", 7)};
    const std::string text = library_of(how);
    EXPECT_NE(text.find("  [''] = {'7', "), text.npos);
    EXPECT_EQ(text.find("  [''] = {'0', "), text.npos);
}

TEST(library, its_name_is_a_word_whatever_the_prefix) {
    library_rules how;
    how.prefix = "my app's: \\{1}";
    EXPECT_EQ(function_name(how.prefix), "my_app_s____1__publish");
    const std::string text = library_of(how);
    EXPECT_TRUE(text.starts_with("#!lua name=my_app_s____1_\n"));
    EXPECT_NE(text.find("local prefix, name = 'my\\032app\\039s\\058\\032\\092\\1231\\125', "), text.npos)
        << text.substr(0, 200);
}

} // namespace
} // namespace carillon::ledger
